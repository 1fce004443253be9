package report

import (
	"slices"
	"time"
)

// Phase is what is the matter with a unit in a span of time.
type Phase string

// The phases of a unit.
const (
	// In these a unit waits: for who creates it, for Flux to look at it, for its source, for what it depends on.
	PhaseAbsent  Phase = "absent"
	PhaseQueued  Phase = "queued"
	PhaseSource  Phase = "source"
	PhaseDepends Phase = "depends"
	// In these Flux is busy with it: fetch, build and apply, then its health checks.
	PhaseWorking Phase = "working"
	PhaseHealth  Phase = "health"
	// The last try has failed, and the next one comes.
	PhaseFailed Phase = "failed"
	PhaseReady  Phase = "ready"
	// PhaseSuspended is no wait and no failure: somebody wants Flux to leave it alone.
	PhaseSuspended Phase = "suspended"
	// PhaseFolded is many spans in one: see Span.Folded.
	PhaseFolded Phase = "folded"
	// PhaseUnknown is a time in which nobody watched.
	PhaseUnknown Phase = "unknown"
)

// Waits tells whether a unit in this phase waits for somebody else. One that has failed waits too, for its next try, but how
// that ends counts: it is not left out with what it depends on.
func (p Phase) Waits() bool {
	return p == PhaseAbsent || p == PhaseQueued || p == PhaseSource || p == PhaseDepends
}

// Span is a time in which a unit was in one phase. It ends where the unit's next one starts; of Ready, the last one, only
// the start counts.
type Span struct {
	Phase Phase     `json:"phase"`
	Start time.Time `json:"start"`
	// Why is one line: what it waits for, or the error.
	Why string `json:"why,omitempty"`
	// Folded is how many spans were put together into this one, to save space.
	Folded int `json:"folded,omitempty"`
}

// The bounds of what is kept of a unit. Of more spans the first half stays, for where it began, and the newest ones.
const (
	maxSpans = 24
	maxWhy   = 200 // bytes
)

// See records that the unit is in that phase since at. What the report knows of it from before it keeps, with its place.
func (r *Report) See(u Unit, phase Phase, why string, at time.Time) {
	u.Detail = shorten(Public(u.Detail), maxDetail)
	i := slices.IndexFunc(r.Units, func(other Unit) bool { return other.Name == u.Name })
	if i < 0 {
		i = len(r.Units)
		r.Units = append(r.Units, Unit{})
	}
	u.Spans = r.Units[i].Spans
	if u.By == "" {
		u.By = r.Units[i].By
	}
	r.Units[i] = u
	r.Units[i].enter(Span{Phase: phase, Start: at, Why: shorten(Public(why), maxWhy)})
}

// Seen tells whether the unit was recorded before.
func (r *Report) Seen(name string) bool { return r.unit(name) != nil }

// Order puts the units into the order of names and forgets those that are not among them: they are no part of the tree
// any more.
func (r *Report) Order(names []string) {
	var units []Unit
	for _, name := range names {
		if u := r.unit(name); u != nil {
			units = append(units, *u)
		}
	}
	r.Units = units
}

// enter adds a span, unless it goes on with the last one.
func (u *Unit) enter(s Span) {
	if last := len(u.Spans) - 1; last >= 0 {
		if u.Spans[last].Phase == s.Phase {
			u.Spans[last].Why = s.Why // the newest reason is the one that helps
			return
		}
		if s.Start.Before(u.Spans[last].Start) { // clocks differ
			s.Start = u.Spans[last].Start
		}
	}
	s.Start = s.Start.Truncate(time.Millisecond) // space, again
	u.Spans = fold(append(u.Spans, s), maxSpans)
}

// continues puts what an earlier Pod saw of the unit before what this one did.
func (u *Unit) continues(before *Unit) {
	spans := u.Spans
	if len(spans) > 0 && spans[0].Phase == PhaseUnknown {
		spans = spans[1:] // somebody did watch
	}
	if len(before.Spans) == 0 || len(spans) == 0 {
		return
	}
	earlier := slices.DeleteFunc(slices.Clone(before.Spans), func(s Span) bool { return s.Start.After(spans[0].Start) && s.Phase != spans[0].Phase })
	if len(earlier) > 0 && earlier[len(earlier)-1].Phase == spans[0].Phase {
		if len(spans) == 1 && u.Ready && before.Ready {
			u.At = before.At // to the second only, when it is read off a condition
		}
		spans = spans[1:]
	}
	u.Spans = fold(append(earlier, spans...), maxSpans)
}

// fold keeps at most so many spans: it puts those in the middle together. Of less than two it keeps the last one, and that
// only where it says what is the matter now.
func fold(spans []Span, most int) []Span {
	drop := len(spans) - most
	if drop <= 0 {
		return spans
	}
	if most < 2 {
		if last := spans[len(spans)-1]; last.Phase != PhaseReady {
			return []Span{last}
		}
		return nil
	}
	middle := most / 2
	into := spans[middle]
	into.Phase, into.Folded = PhaseFolded, max(into.Folded, 1)
	for _, s := range spans[middle+1 : middle+1+drop] {
		into.Folded += max(s.Folded, 1)
		if s.Phase == PhaseFailed || into.Why == "" {
			into.Why = s.Why
		}
	}
	folded := append(slices.Clone(spans[:middle]), into)
	return append(folded, spans[middle+1+drop:]...)
}
