package report

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Wait is what a unit waited for, and how long in all.
type Wait struct {
	For  string
	Took time.Duration
}

// What a unit waits for whose last try has failed. The next one comes after an interval, unless its controller has given up.
// Some work is in that time, since nobody tells of it: the tries of a source or of an ExternalSecret until one succeeds, and what
// Helm takes back of a release.
// https://github.com/fluxcd/pkg/blob/runtime/v0.110.3/runtime/reconcile/result.go, ProgressiveStatus
const (
	nextTry  = "the next try"
	change   = "somebody to change it"
	maxTried = 100 // bytes of what the last one failed for
)

// Waits are what the unit waited for, the longest first. A time in which it waited for several units counts for the one
// that was Ready last: the others cost nothing.
func (r *Report) Waits(u *Unit) []Wait {
	sums := map[string]time.Duration{}
	tried := ""
	for _, i := range r.Intervals(u) {
		switch i.Phase {
		case PhaseAbsent:
			sums[r.bringer(u)] += i.Took()
		case PhaseQueued:
			sums[looker(u)+" to look at it"] += i.Took()
		case PhaseSource:
			sums["its source"] += i.Took()
		case PhaseDepends:
			on, until := r.lastNeed(u, i)
			sums[on] += until.Sub(i.Start)
			// From there on nothing was missing: a controller looks at its dependencies once in a while only.
			sums[looker(u)+" to look again"] += i.End.Sub(until)
		case PhaseFailed:
			if u.Stalled && u.newest(i.Span) {
				sums[change] += i.Took()
				continue
			}
			sums[nextTry] += i.Took()
			tried = i.Why
		}
	}
	var all []Wait
	for what, took := range sums {
		if what == nextTry && tried != "" {
			what += " (" + shorten(tried, maxTried) + ")"
		}
		if took > 0 {
			all = append(all, Wait{what, took})
		}
	}
	slices.SortFunc(all, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.Took, a.Took), strings.Compare(a.For, b.For))
	})
	return all
}

// looker is who reconciles the unit. That of a part need not be Flux.
func looker(u *Unit) string {
	if u.Part {
		return "its controller"
	}
	return "Flux"
}

// bringer names who creates the unit.
func (r *Report) bringer(u *Unit) string {
	if u.By == "" {
		return "somebody to create it"
	}
	return r.Short(u.By) + " to bring it"
}

// lastNeed is the dependency that ended the waiting, and when it was Ready.
func (r *Report) lastNeed(u *Unit, i Interval) (string, time.Time) {
	on, until := "", time.Time{}
	for _, need := range u.Needs {
		ready := i.End // of a unit that the report does not know
		if n := r.unit(need); n != nil {
			ready = n.there(i.Start, i.End, u.newest(i.Span))
		}
		if on == "" || ready.After(until) {
			on, until = r.Short(need), ready
		}
	}
	switch {
	case on == "": // Flux knows of one that the report does not
		return cmp.Or(i.Why, "a dependency"), i.End
	case until.Before(i.Start):
		return on, i.Start
	}
	return on, until
}

// newest tells whether the unit is in that span of its time now.
func (u *Unit) newest(s Span) bool {
	last := u.Spans[len(u.Spans)-1]
	return s.Phase == last.Phase && s.Start.Equal(last.Start)
}
