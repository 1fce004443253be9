package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tazlab/seed/internal/bundle"
)

// moment is when a new cluster gets the objects of a unit, or when that is Ready.
type moment struct {
	unit  *Unit
	ready bool
}

// deadlock is a unit that is Ready only after something that comes only after it: what a Pod waits for, or a unit that it brings.
type deadlock struct {
	unit *Unit
	// wait is what the Pod waits for, nil if it is child.
	wait  *wait
	child *Unit
	// way leads from that to the unit, what comes later first.
	way []moment
}

// findDeadlocks finds units that wait, by health checks, for what is applied only after them.
func findDeadlocks(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, d := range c.deadlocks() {
			if d.wait != nil {
				all = append(all, d.ofPods())
			} else {
				all = append(all, d.ofChild())
			}
		}
	}
	return all
}

func (d deadlock) ofPods() Finding {
	what := d.wait.what
	if !d.wait.ready {
		what += " of unit " + d.wait.by.Name
	}
	if first := d.way[0].unit; first != d.wait.by {
		what += ", with a store of unit " + first.Name
	}
	f := d.wait.finding(d.wait.at...)
	f.Why = fmt.Sprintf("Its Pods wait for %s, which comes only after unit %s is Ready (%s), and that waits for these Pods: neither ever happens.", what, d.unit.Name, d.names())
	f.How = fmt.Sprintf("Let unit %s be Ready without these Pods (wait: false, or health checks of all else), or bring what they wait for earlier.", d.unit.Name)
	return f
}

func (d deadlock) ofChild() Finding {
	f := d.child.finding("spec", "dependsOn")
	f.Why = fmt.Sprintf("Unit %s is Ready only when this one is, by its health checks, and this one waits for that (%s): neither ever is.", d.unit.Name, d.names())
	f.How = fmt.Sprintf("Remove the dependency, or set wait: false on unit %s.", d.unit.Name)
	return f
}

// names are the units on the way, each waiting for the next.
func (d deadlock) names() string {
	var names []string
	for _, m := range d.way {
		names = append(names, m.unit.Name)
	}
	return strings.Join(slices.Compact(names), " -> ")
}

// order is what comes before what in a new cluster.
type order struct {
	*Cluster
	// waits and children are what a unit is Ready only after: what the Pods wait for that it checks, the units that it checks.
	waits    map[*Unit][]wait
	children map[*Unit][]*Unit
}

// deadlocks are those of a cluster that are certain.
func (c *Cluster) deadlocks() []deadlock {
	o := order{c, map[*Unit][]wait{}, map[*Unit][]*Unit{}}
	checking := slices.DeleteFunc(slices.Clone(c.Units), func(u *Unit) bool { return !u.waits() || u.Spec.Suspend })
	if len(checking) == 0 {
		return nil
	}
	waits := slices.DeleteFunc(c.waits(), func(w wait) bool { return !w.sure || !w.needed() })
	for _, u := range checking {
		for _, w := range waits {
			if u.checks(w.Object) {
				o.waits[u] = append(o.waits[u], w)
			}
		}
		o.children[u] = c.checkedUnits(u)
	}
	var all []deadlock
	for _, u := range checking {
		if (order{Cluster: c}).way(moment{u, false}, moment{u, true}) == nil { // else its dependencies are to blame
			all = append(all, o.of(u)...)
		}
	}
	return all
}

// checkedUnits are the units that a unit checks.
func (c *Cluster) checkedUnits(u *Unit) []*Unit {
	var all []*Unit
	for _, other := range c.Units {
		if other != u && other.From != nil && !other.Spec.Suspend && u.checks(other.From) {
			all = append(all, other)
		}
	}
	return all
}

// of are the deadlocks of a unit.
func (o order) of(u *Unit) []deadlock {
	var all []deadlock
	for _, w := range o.waits[u] {
		for _, m := range o.bringing(w) {
			if way := o.way(m, moment{u, true}); way != nil {
				all = append(all, deadlock{unit: u, wait: &w, way: way})
				break
			}
		}
	}
	for _, child := range o.children[u] {
		if way := o.way(moment{child, true}, moment{u, true}); way != nil {
			all = append(all, deadlock{unit: u, child: child, way: way})
		}
	}
	return all
}

// bringing are the moments that have to come before what a Pod waits for is there: the store of an ExternalSecret brings values.
func (o order) bringing(w wait) []moment {
	all := []moment{{w.by, w.ready}}
	if _, store := o.store(w.from); store != nil && !store.shared() && !store.skipped() {
		all = append(all, moment{store.Unit, false})
	}
	return all
}

// before are the moments that have to come before another one. What seed plants does not wait.
func (o order) before(m moment) []moment {
	var all []moment
	switch {
	case m.ready:
		all = append(all, moment{m.unit, false})
		for _, w := range o.waits[m.unit] {
			all = append(all, o.bringing(w)...)
		}
		for _, child := range o.children[m.unit] {
			all = append(all, moment{child, true})
		}
		return all
	case m.unit.Annotations[bundle.PlantAnnotation] == "true":
		return nil
	}
	for _, other := range o.waitsFor(m.unit) {
		all = append(all, moment{other, true})
	}
	if m.unit.Parent != nil {
		all = append(all, moment{m.unit.Parent, false})
	}
	return all
}

// way is a shortest one from a moment to one that has to come before it, both included: nil if there is none.
func (o order) way(from, to moment) []moment {
	if from == to {
		return []moment{to}
	}
	after := map[moment]moment{from: from}
	for open := []moment{from}; len(open) > 0; open = open[1:] {
		for _, next := range o.before(open[0]) {
			if _, seen := after[next]; seen {
				continue
			}
			after[next] = open[0]
			if next != to {
				open = append(open, next)
				continue
			}
			way := []moment{to}
			for at := to; at != from; way = append(way, at) {
				at = after[at]
			}
			slices.Reverse(way)
			return way
		}
	}
	return nil
}
