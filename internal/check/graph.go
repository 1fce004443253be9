package check

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// graph is the order in which the units of a cluster start.
type graph struct {
	cluster *Cluster
	// units are all but the root, which brings them and waits for nothing.
	units []*Unit
	// levels is how many units are before a unit, on its longest chain; before is the last of those, nil if there is none.
	levels map[*Unit]int
	before map[*Unit]*Unit
	// waits are the dependencies that no other one implies.
	waits map[*Unit][]*Unit
	// cycles are the units that wait for each other: they never start.
	cycles map[*Unit]bool
}

func (c *Cluster) graph() *graph {
	g := &graph{cluster: c, levels: map[*Unit]int{}, before: map[*Unit]*Unit{}, waits: map[*Unit][]*Unit{}, cycles: map[*Unit]bool{}}
	for _, unit := range c.Units {
		if unit != c.Root {
			g.units = append(g.units, unit)
		}
	}
	for _, unit := range g.units {
		g.cycles[unit] = g.leads(unit, unit)
	}
	for _, unit := range g.units {
		g.level(unit)
		g.waits[unit] = g.reduced(unit)
	}
	slices.SortStableFunc(g.units, func(a, b *Unit) int {
		return cmp.Or(cmp.Compare(g.levels[a], g.levels[b]), cmp.Compare(a.ID(), b.ID()))
	})
	return g
}

// first are the units that a unit cannot start before: its dependencies, and the one that brings it.
func (g *graph) first(unit *Unit) []*Unit {
	all := g.cluster.DependsOn(unit)
	if unit.Parent != nil && unit.Parent != g.cluster.Root {
		all = append(all, unit.Parent)
	}
	return all
}

// leads tells whether one comes, however far, to wait for the other.
func (g *graph) leads(from, to *Unit) bool {
	seen := map[*Unit]bool{}
	for open := []*Unit{from}; len(open) > 0; {
		unit := open[len(open)-1]
		open = open[:len(open)-1]
		for _, next := range g.first(unit) {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				open = append(open, next)
			}
		}
	}
	return false
}

func (g *graph) level(unit *Unit) int {
	if level, known := g.levels[unit]; known || g.cycles[unit] {
		return level
	}
	for _, next := range g.first(unit) {
		if next == g.cluster.Root {
			continue
		}
		if level := g.level(next) + 1; level > g.levels[unit] {
			g.levels[unit], g.before[unit] = level, next
		}
	}
	return g.levels[unit]
}

// reduced are the dependencies of a unit without those that others of them wait for anyway.
func (g *graph) reduced(unit *Unit) []*Unit {
	var all []*Unit
	dependencies := g.cluster.DependsOn(unit)
	for _, one := range dependencies {
		implied := func(other *Unit) bool { return other != one && !g.cycles[other] && g.leads(other, one) }
		if !slices.ContainsFunc(dependencies, implied) && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// critical is the longest chain of units, the first to start first.
func (g *graph) critical() []*Unit {
	var last *Unit
	for _, unit := range g.units {
		if last == nil || g.levels[unit] > g.levels[last] {
			last = unit
		}
	}
	var chain []*Unit
	for unit := last; unit != nil; unit = g.before[unit] {
		chain = append(chain, unit)
	}
	slices.Reverse(chain)
	return chain
}

// name is the unit's, with its namespace if that is not the root's.
func (g *graph) name(unit *Unit) string {
	if unit.Namespace == g.cluster.Root.Namespace {
		return unit.Name
	}
	return unit.ID()
}

func (g *graph) names(units []*Unit) string {
	var names []string
	for _, unit := range units {
		names = append(names, g.name(unit))
	}
	return strings.Join(names, ", ")
}

// GraphText writes for people in which order the units of c start, and what each of them really waits for.
func (c *Cluster) GraphText(w io.Writer) {
	g := c.graph()
	fmt.Fprintf(w, "%s: %s below the root %s\n", c.Name, many(len(g.units), "unit"), c.Root.ID())
	level := -1
	for _, unit := range g.units {
		if g.cycles[unit] {
			continue
		}
		if g.levels[unit] != level {
			level = g.levels[unit]
			fmt.Fprintf(w, "\nlevel %d%s\n", level, map[bool]string{true: ", the fast track: these wait for nothing"}[level == 0])
		}
		fmt.Fprintf(w, "  %s%s\n", g.name(unit), g.said(unit))
	}
	if stuck := slices.DeleteFunc(slices.Clone(g.units), func(u *Unit) bool { return !g.cycles[u] }); len(stuck) > 0 {
		fmt.Fprintf(w, "\nnever, for they wait for each other: %s\n", g.names(stuck))
	}
	if chain := g.critical(); len(chain) > 1 {
		fmt.Fprintf(w, "\ncritical path, the longest chain: %s, one after the other (counted in units, not in time)\n  %s\n", many(len(chain), "unit"), strings.ReplaceAll(g.names(chain), ", ", " -> "))
	}
}

// said is what a unit waits for, in words.
func (g *graph) said(unit *Unit) string {
	var all []string
	if waits := g.waits[unit]; len(waits) > 0 {
		all = append(all, "waits for "+g.names(waits))
		implied := slices.DeleteFunc(slices.Clone(g.units), func(other *Unit) bool {
			return slices.Contains(waits, other) || other == unit.Parent || !g.leads(unit, other)
		})
		if len(implied) > 0 {
			all = append(all, "and so for "+g.names(implied))
		}
	}
	for _, ref := range unit.Spec.DependsOn {
		if namespace := cmp.Or(ref.Namespace, unit.Namespace); g.cluster.Unit(namespace, ref.Name) == nil {
			all = append(all, "needs "+namespace+"/"+ref.Name+", which is not in this cluster")
		}
	}
	if unit.Parent != nil && unit.Parent != g.cluster.Root {
		all = append(all, "is brought by "+g.name(unit.Parent))
	}
	if unit.Spec.Suspend {
		all = append(all, "is suspended")
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, ", ")
}
