package check

import "slices"

// link is a unit in a chain. With pods its Pods wait for what the unit before it brings; else it is applied after that.
type link struct {
	unit *Unit
	pods bool
}

// chains are the longest ways to a unit, the first to start first.
type chains struct {
	*graph
	// applied leads to the moment when Flux applies a unit, ready to the one when that is Ready.
	applied, ready map[*Unit][]link
}

// critical is the longest chain. What Pods wait for counts where a unit is Ready only with them, and at the end of the chain.
func (g *graph) critical() []link {
	c := chains{g, map[*Unit][]link{}, map[*Unit][]link{}}
	var longest []link
	for _, unit := range g.units {
		longest = longer(longest, c.toPods(unit, func(wait) bool { return true }))
	}
	return longest
}

func longer(a, b []link) []link {
	if len(b) > len(a) {
		return b
	}
	return a
}

// then is a chain with one more unit at its end: nil if it has that already, where units and Pods wait for each other.
func then(chain []link, last link) []link {
	if slices.ContainsFunc(chain, func(l link) bool { return l.unit == last.unit }) {
		return nil
	}
	return append(slices.Clone(chain), last)
}

func (c chains) toApplied(unit *Unit) []link {
	if chain, known := c.applied[unit]; known || c.cycles[unit] {
		return chain
	}
	longest := []link{{unit: unit}}
	c.applied[unit] = longest
	for _, dependency := range c.dependencies(unit) {
		if dependency != c.cluster.Root {
			longest = longer(longest, then(c.toReady(dependency), link{unit: unit}))
		}
	}
	if unit.Parent != nil && unit.Parent != c.cluster.Root {
		longest = longer(longest, then(c.toApplied(unit.Parent), link{unit: unit}))
	}
	c.applied[unit] = longest
	return longest
}

func (c chains) toReady(unit *Unit) []link {
	if chain, known := c.ready[unit]; known {
		return chain
	}
	c.ready[unit] = c.toApplied(unit)
	c.ready[unit] = c.toPods(unit, func(w wait) bool { return unit.checks(w.Object) })
	return c.ready[unit]
}

// toPods leads to the moment when the Pods of a unit have all that they wait for, as far as it counts.
func (c chains) toPods(unit *Unit, counts func(wait) bool) []link {
	longest := c.toApplied(unit)
	for _, w := range c.pods[unit] {
		if w.by == nil || w.by == c.cluster.Root || !counts(w) {
			continue
		}
		chain := c.toApplied(w.by)
		if w.ready {
			chain = c.toReady(w.by)
		}
		longest = longer(longest, then(chain, link{unit, true}))
	}
	return longest
}
