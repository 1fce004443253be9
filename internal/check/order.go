package check

import (
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
			var names []string
			for _, member := range cycle {
				names = append(names, member.Name)
			}
			f := cycle[0].finding("spec", "dependsOn")
			f.Why = "It waits for itself: " + strings.Join(append(names, names[0]), " -> ") + ", so none of them is ever Ready."
			f.How = "Remove one of these dependencies."
			all = append(all, f)
		}
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
	for _, next := range c.DependsOn(unit) {
		if found = c.cycle(next, way, done); found != nil {
			break
		}
	}
	done[unit] = true
	return found
}
