package check

import (
	"fmt"
	"slices"
	"strings"
)

// stage is a moment of a unit, or when a HelmRelease is Ready.
type stage struct {
	moment
	release *Release
}

// waiting is what comes before what in a new cluster, with the HelmReleases.
type waiting struct {
	order
	// checked are the releases that a unit is Ready only after.
	checked map[*Unit][]*Release
}

// findReleaseCycles finds HelmReleases that wait for each other, or for one that comes only after a unit which waits for them.
func findReleaseCycles(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		if !slices.ContainsFunc(c.Releases, func(r *Release) bool { return len(r.dependsOn()) > 0 }) {
			continue
		}
		w := c.waiting()
		done := map[*Release]bool{}
		for _, r := range c.Releases {
			if done[r] {
				continue
			}
			way := w.round(r)
			for _, s := range way {
				done[s.release] = true
			}
			if way != nil {
				all = append(all, r.waitsForItself(way))
			}
		}
	}
	return all
}

// waiting finds out which objects units wait for.
func (c *Cluster) waiting() waiting {
	w := waiting{order{c, map[*Unit][]wait{}, map[*Unit][]*Unit{}}, map[*Unit][]*Release{}}
	for _, u := range c.Units {
		if !u.waits() {
			continue
		}
		w.children[u] = c.checkedUnits(u)
		for _, r := range c.Releases {
			if u.checks(r.Object) {
				w.checked[u] = append(w.checked[u], r)
			}
		}
	}
	return w
}

// before are the stages that have to come before another one.
func (w waiting) before(s stage) []stage {
	var all []stage
	if s.release == nil {
		for _, m := range w.order.before(s.moment) {
			all = append(all, stage{moment: m})
		}
		if s.ready {
			for _, r := range w.checked[s.unit] {
				all = append(all, stage{release: r})
			}
		}
		return all
	}
	for _, other := range w.first(s.release) {
		all = append(all, stage{release: other})
	}
	return append(all, stage{moment: moment{s.release.Unit, false}})
}

// first are the releases that one waits for, if Flux asks whether they are Ready.
func (w waiting) first(r *Release) []*Release {
	var all []*Release
	for _, ref := range r.dependsOn() {
		if other := w.release(ref); other != nil && r.works() && other.works() && !ref.asked {
			all = append(all, other)
		}
	}
	return all
}

// round is a shortest way from a release that r depends on to r itself: nil if there is none.
func (w waiting) round(r *Release) []stage {
	for _, next := range w.first(r) {
		after := map[stage]stage{}
		start, end := stage{release: next}, stage{release: r}
		for open := []stage{start}; len(open) > 0; open = open[1:] {
			if open[0] == end {
				way := []stage{end}
				for way[0] != start {
					way = slices.Insert(way, 0, after[way[0]])
				}
				return way
			}
			for _, s := range w.before(open[0]) {
				if _, seen := after[s]; !seen && s != start {
					after[s] = open[0]
					open = append(open, s)
				}
			}
		}
	}
	return nil
}

// waitsForItself is the finding of such a way.
func (r *Release) waitsForItself(way []stage) Finding {
	names := []string{r.GetName()}
	var checks *Unit
	for i, s := range way {
		switch {
		case s.release != nil && s.release.GetNamespace() == r.GetNamespace():
			names = append(names, s.release.GetName())
		case s.release != nil:
			names = append(names, s.release.Key().String())
		case way[i-1].unit != s.unit: // else it is another moment of it; the first is a release
			names = append(names, "unit "+s.unit.Name)
		}
		if s.release == nil && s.ready {
			checks = s.unit
		}
	}
	next := way[0].release
	f := r.Object.finding("spec", "dependsOn", "name="+next.GetName())
	f.Why = fmt.Sprintf("It waits for itself: %s, so none of them is ever Ready.", strings.Join(names, " -> "))
	f.How = "Remove one of these dependencies."
	if checks != nil {
		f.How = fmt.Sprintf("Remove the dependency, let unit %s be Ready without its releases (wait: false, or health checks of all else), or bring %s earlier.", checks.Name, next.GetName())
	}
	return f
}
