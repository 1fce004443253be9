package check

import (
	"cmp"
	"slices"
	"strings"
)

// graph is the order in which the units of a cluster start.
type graph struct {
	cluster *Cluster
	// units are all but the root, which brings them and waits for nothing.
	units []*Unit
	// levels is how many units are before a unit, on its longest chain.
	levels map[*Unit]int
	// after are all that a unit comes to wait for, however far, once somebody asks.
	after map[*Unit]map[*Unit]bool
	// waits are the dependencies that no other one implies.
	waits map[*Unit][]*Unit
	// cycles are the units that wait for each other: they never start.
	cycles map[*Unit]bool
	// most is the unit that brings more than half of them, nil if none does.
	most *Unit
	// pods are what the Pods of a unit wait for by themselves. A level does not count it: Flux applies the unit at once.
	pods map[*Unit][]wait
}

func (c *Cluster) graph() *graph {
	g := &graph{cluster: c, levels: map[*Unit]int{}, after: map[*Unit]map[*Unit]bool{}, waits: map[*Unit][]*Unit{}, cycles: map[*Unit]bool{}, pods: map[*Unit][]wait{}}
	for _, unit := range c.Units {
		if unit != c.Root {
			g.units = append(g.units, unit)
		}
	}
	for _, unit := range g.units {
		g.cycles[unit] = g.leads(unit, unit)
	}
	for _, unit := range g.units {
		if n := len(g.children(unit)); n >= crowd && n > len(g.units)/2 {
			g.most = unit
		}
		g.level(unit)
		g.waits[unit] = g.reduced(unit)
	}
	slices.SortStableFunc(g.units, func(a, b *Unit) int {
		return cmp.Or(cmp.Compare(g.levels[a], g.levels[b]), cmp.Compare(a.ID(), b.ID()))
	})
	g.wait()
	return g
}

// children are the units that a unit brings.
func (g *graph) children(unit *Unit) []*Unit {
	return slices.DeleteFunc(slices.Clone(g.units), func(other *Unit) bool { return other.Parent != unit })
}

// wait notes what Pods really wait for: not what is there before their unit is applied.
func (g *graph) wait() {
	before := map[*Unit]map[*Unit]bool{}
	for _, w := range g.cluster.waits() {
		if _, asked := before[w.Unit]; !asked {
			before[w.Unit], _ = g.cluster.before(w.Unit)
		}
		ready, applied := before[w.Unit][w.by]
		applied = applied || w.by != nil && w.Unit.below(w.by)
		if !ready && (!applied || w.late || w.ready) {
			g.pods[w.Unit] = append(g.pods[w.Unit], w)
		}
	}
}

// below tells whether a unit is one of those that bring another one, however far.
func (u *Unit) below(other *Unit) bool {
	for parent := u.Parent; parent != nil; parent = parent.Parent {
		if parent == other {
			return true
		}
	}
	return false
}

// leads tells whether one comes, however far, to wait for the other.
func (g *graph) leads(from, to *Unit) bool {
	if g.after[from] == nil {
		g.after[from] = map[*Unit]bool{}
		for open := []*Unit{from}; len(open) > 0; open = open[1:] {
			for _, next := range g.cluster.first(open[0]) {
				if !g.after[from][next] {
					g.after[from][next] = true
					open = append(open, next)
				}
			}
		}
	}
	return g.after[from][to]
}

func (g *graph) level(unit *Unit) int {
	if level, known := g.levels[unit]; known || g.cycles[unit] {
		return level
	}
	for _, next := range slices.Concat(g.cluster.first(unit), g.dependencies(unit)) {
		if next == g.cluster.Root {
			continue
		}
		g.levels[unit] = max(g.levels[unit], g.level(next)+1)
	}
	return g.levels[unit]
}

// dependencies are the units that a unit depends on, but for those that come to wait for it: such a dependency has readyExpr, which need
// not wait until they are Ready.
func (g *graph) dependencies(unit *Unit) []*Unit {
	waits := g.cluster.waitsFor(unit)
	return slices.DeleteFunc(g.cluster.DependsOn(unit), func(other *Unit) bool {
		return !slices.Contains(waits, other) && g.comesTo(other, unit)
	})
}

// comesTo tells whether a unit depends on another one, or is brought by one that does, however far, whatever readyExpr says.
func (g *graph) comesTo(from, to *Unit) bool {
	seen := map[*Unit]bool{from: true}
	for open := []*Unit{from}; len(open) > 0; open = open[1:] {
		if open[0] == to {
			return true
		}
		for _, next := range append(g.cluster.DependsOn(open[0]), open[0].Parent) {
			if next != nil && !seen[next] {
				seen[next] = true
				open = append(open, next)
			}
		}
	}
	return false
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
