package report

import (
	"slices"
	"strings"
	"time"
)

// named tells whether the goal names that unit.
func (r *Report) named(u *Unit) bool { return slices.Contains(r.Until, u.Name) }

// counts tells whether the tree is judged by u: a Kustomization, or a part that the goal names.
func (r *Report) counts(u *Unit) bool { return !u.Part || r.named(u) }

// Suspended tells whether somebody wants Flux to leave the unit alone.
func (u *Unit) Suspended() bool { return u.Phase() == PhaseSuspended }

// why is what is known of the reason why the unit is not Ready.
func (u *Unit) why() string {
	if last := len(u.Spans) - 1; last >= 0 && u.Spans[last].Why != "" {
		return u.Spans[last].Why
	}
	return oneLine(u.Detail)
}

// LeftOut are the units that nobody waits for, unless the goal names them: suspended are those that Flux is told to leave
// alone, behind those that can only become Ready after one of them.
func (r *Report) LeftOut() (suspended, behind []*Unit) {
	out := map[string]bool{}
	for i := range r.Units {
		if u := &r.Units[i]; u.Suspended() && !r.named(u) {
			out[u.Name], suspended = true, append(suspended, u)
		}
	}
	for grown := true; grown; {
		grown = false
		for i := range r.Units {
			if u := &r.Units[i]; !out[u.Name] && r.counts(u) && !r.named(u) && r.behind(u, out) {
				out[u.Name], grown = true, true
				behind = append(behind, u)
			}
		}
	}
	return suspended, behind
}

// behind tells whether u waits for one that is left out. One that Flux is at work on, or has failed at, does not wait: how
// that ends counts.
func (r *Report) behind(u *Unit, out map[string]bool) bool {
	if u.Ready || !u.Phase().Waits() {
		return false
	}
	if u.Phase() == PhaseAbsent && out[u.By] {
		return true
	}
	return slices.ContainsFunc(u.Needs, func(need string) bool {
		n := r.unit(need)
		// Of one that is Ready another revision may be needed, which Flux says.
		return out[need] && (!n.Ready || strings.Contains(u.why(), "'"+need+"'"))
	})
}

// tree are the units by which it is judged whether the tree stands.
func (r *Report) tree() []*Unit {
	suspended, behind := r.LeftOut()
	out := append(suspended, behind...)
	var all []*Unit
	for i := range r.Units {
		if u := &r.Units[i]; r.counts(u) && !slices.Contains(out, u) {
			all = append(all, u)
		}
	}
	return all
}

// Late are the units of the tree that should be Ready and are not.
func (r *Report) Late() []*Unit {
	return slices.DeleteFunc(r.tree(), func(u *Unit) bool { return u.Ready })
}

// goal are the units that Until names, or all of the tree; known is false if one of them is not in the report.
func (r *Report) goal() (units []*Unit, known bool) {
	if len(r.Until) == 0 {
		return r.tree(), true
	}
	for _, name := range r.Until {
		if u := r.unit(name); u != nil {
			units = append(units, u)
		}
	}
	return units, len(units) == len(r.Until)
}

// ready tells whether there are units and all are Ready, and when the last one was.
func ready(units []*Unit) (all bool, at time.Time) {
	for _, u := range units {
		if !u.Ready || u.Suspended() {
			return false, time.Time{}
		}
		if u.At.After(at) {
			at = u.At
		}
	}
	return len(units) > 0, at
}

// Stands tells whether there is a tree and all of it is Ready, but for what is left out.
func (r *Report) Stands() bool {
	all, _ := ready(r.tree())
	return all
}

// Everything is when the last unit of the tree became Ready; zero while one is not, and where that was not recorded.
func (r *Report) Everything() time.Time {
	if r.Live {
		return time.Time{}
	}
	_, at := ready(r.tree())
	return at
}

// Reached tells whether the goal is Ready: the units that Until names, or all of the tree.
func (r *Report) Reached() bool {
	units, known := r.goal()
	all, _ := ready(units)
	return all && known
}

// Goal is when the goal was reached; zero while it is not, and where that was not recorded.
func (r *Report) Goal() time.Time {
	units, known := r.goal()
	if _, at := ready(units); known && !r.Live {
		return at
	}
	return time.Time{}
}

// last is the unit that became Ready last, of those that the goal is.
func (r *Report) last() *Unit {
	var last *Unit
	units, _ := r.goal()
	for _, u := range units {
		if u.Ready && !u.At.IsZero() && (last == nil || u.At.After(last.At)) {
			last = u
		}
	}
	return last
}
