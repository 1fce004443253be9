package check

import (
	"fmt"
	"maps"
	"slices"
)

// findLate finds Pods that start beside what brings their Secret, and do not wait for it.
func findLate(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		b := c.brought()
		for _, p := range c.pods() {
			if !p.once || !p.onlyWaits() {
				continue
			}
			said := map[string]bool{}
			for _, n := range p.needs() {
				by := b.by[thing{n.kind, p.GetNamespace(), n.name}]
				if n.pull || len(by) != 1 || !by[0].late || said[n.name] || p.waits(n.name, by[0].Object) || p.mayFollow(by[0].Object) {
					continue
				}
				if before, known := c.before(p.Unit); !known || before[by[0].Unit] {
					continue
				}
				said[n.name] = true
				all = append(all, p.late(n, by[0].Object))
			}
		}
	}
	return all
}

func (p *pod) late(n need, by *Object) Finding {
	f := p.finding(n.at...)
	where := "this unit brings beside it"
	if by.Unit != p.Unit {
		where = fmt.Sprintf("unit %s brings, for which this one does not wait", by.Unit.ID())
	}
	state := "a container that is quicker sits in CreateContainerConfigError until the kubelet tries again"
	f.How = fmt.Sprintf("Let an init container with waitfor wait for secret/%s (docs/waitfor.md), or let the unit depend on one that brings it and has wait: true.", n.name)
	if n.volume {
		state = "a Pod that is quicker sits in ContainerCreating until the kubelet tries again, ever later"
		f.How = "Let the unit depend on one that brings it and has wait: true: no init container starts before a volume is there."
	}
	f.Why = fmt.Sprintf("Its Secret %s comes late, from the %s that %s: %s.", n.name, by, where, state)
	return f
}

// mayFollow tells whether Helm may have an order of its own for a Pod and what brings its Secret: for hooks, and for a release that
// waits for others.
func (p *pod) mayFollow(by *Object) bool {
	if p.Release == nil {
		return by.Hook
	}
	return p.Hook || by.Hook || len(p.Release.dependsOn()) > 0 && by.Release != p.Release
}

// onlyWaits tells whether no init container of a Pod may wait in a way of its own.
func (p *pod) onlyWaits() bool {
	for _, c := range p.Spec.InitContainers {
		if !isWaitfor(c) {
			return false
		}
	}
	return true
}

// waits tells whether waitfor holds a Pod until a Secret is there, or may.
func (p *pod) waits(secret string, by *Object) bool {
	for _, w := range p.waitfors() {
		if w.unknown {
			return true
		}
		for _, t := range w.targets {
			if o := t.Object; o != nil && (o.Name == secret || o.Name == by.GetName() || o.Selector != nil) {
				return true
			}
			if e := t.Endpoint; e != nil && e.PasswordSecret != nil && e.PasswordSecret.Name == secret {
				return true
			}
		}
	}
	return false
}

// before are the units that are Ready with all they bring before Flux applies a unit for the first time: those that it depends
// on, however far, and, where such a unit waits for its objects, the units among them. It is not known if a dependency is not.
func (c *Cluster) before(unit *Unit) (before map[*Unit]bool, known bool) {
	return c.beforeAll(unit, map[*Unit]bool{})
}

// beforeAll is before; asked are those that it has been called for, since units may bring and wait for each other.
func (c *Cluster) beforeAll(unit *Unit, asked map[*Unit]bool) (before map[*Unit]bool, known bool) {
	asked[unit] = true
	before, seen := map[*Unit]bool{}, map[*Unit]bool{unit: true}
	for open := []*Unit{unit}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if at.unread || len(c.DependsOn(at)) != len(at.Spec.DependsOn) {
			return nil, false
		}
		next := c.with(at, before[at])
		for _, unit := range next {
			before[unit] = unit.waits()
		}
		if at.Parent != nil && !slices.Contains(next, at.Parent) && at.Parent != c.Root && !seen[at.Parent] && !asked[at.Parent] {
			// What brings it has started, and so all that waits for is Ready: but not that itself.
			seen[at.Parent] = true
			more, ok := c.beforeAll(at.Parent, asked)
			if !ok {
				return nil, false
			}
			maps.Copy(before, more)
		}
		for _, u := range next {
			if !seen[u] {
				seen[u] = true
				open = append(open, u)
			}
		}
	}
	return before, true
}

// with are the units that are Ready if at is: those that it depends on and, if it waits for its objects, those among them.
func (c *Cluster) with(at *Unit, waits bool) []*Unit {
	units := c.DependsOn(at)
	for _, child := range c.Units {
		if child.Parent == at && waits {
			units = append(units, child)
		}
	}
	return units
}

// waits tells whether a unit is Ready only when its objects are. Of healthChecks it is taken that they name those that matter.
func (u *Unit) waits() bool { return u.Spec.Wait || len(u.Spec.HealthChecks) > 0 }
