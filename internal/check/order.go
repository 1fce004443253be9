package check

import (
	"fmt"
	"slices"
	"strings"
)

// findCycles finds units that wait for each other.
func findCycles(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		done := map[*Unit]bool{}
		for _, unit := range c.Units {
			cycle := c.cycle(unit, nil, done)
			if len(cycle) == 0 {
				continue
			}
			all = append(all, c.waitsForItself(cycle))
		}
	}
	return all
}

// waitsForItself is the finding of a cycle. Parents alone make none: somewhere in it is a dependency to remove.
func (c *Cluster) waitsForItself(cycle []*Unit) Finding {
	for !slices.Contains(c.waitsFor(cycle[0]), cycle[1%len(cycle)]) {
		cycle = append(cycle[1:], cycle[0])
	}
	var names, brought []string
	for i, member := range cycle {
		names = append(names, member.Name)
		if next := cycle[(i+1)%len(cycle)]; !slices.Contains(c.waitsFor(member), next) {
			brought = append(brought, fmt.Sprintf("; %s brings %s", next.Name, member.Name))
		}
	}
	f := cycle[0].finding("spec", "dependsOn")
	f.Why = "It waits for itself: " + strings.Join(append(names, names[0]), " -> ") + strings.Join(brought, "") + ", so none of them is ever Ready."
	f.How = "Remove one of these dependencies."
	return f
}

// first are the units that a unit cannot start before: those that it waits for, and the one that brings it, if that is not the root.
func (c *Cluster) first(unit *Unit) []*Unit {
	all := c.waitsFor(unit)
	if unit.Parent != nil && unit.Parent != c.Root {
		all = append(all, unit.Parent)
	}
	return all
}

// cycle returns the first cycle that unit leads to and that was not looked at.
func (c *Cluster) cycle(unit *Unit, way []*Unit, done map[*Unit]bool) []*Unit {
	if at := slices.Index(way, unit); at >= 0 {
		return slices.Clone(way[at:])
	}
	if done[unit] {
		return nil
	}
	way = append(way, unit)
	var found []*Unit
	for _, next := range c.first(unit) {
		if found = c.cycle(next, way, done); found != nil {
			break
		}
	}
	done[unit] = true
	return found
}
