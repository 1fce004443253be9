package report

import (
	"cmp"
	"slices"
	"time"
)

// Leg is a part of the critical path: the time from when the part before it was done to when this one was.
type Leg struct {
	// Name is a unit's full name, or what seed and the machine did.
	Name     string
	From, To time.Time
	// Waited is how much of it nobody worked: all that it needs was there, or it had failed and was not tried again yet.
	Waited time.Duration
	Unit   bool
}

// Took is how long it lasted.
func (l Leg) Took() time.Duration { return l.To.Sub(l.From) }

// CriticalPath is the chain that decided when the goal stood, which is all of the tree unless Until names it: from the unit
// that became Ready last back through what it waited for last, to the machine's start. What was Ready before and was looked at
// once more has only that time on it; before that comes what kept the goal from standing until then. Making anything else
// faster gains nothing. Of a report that is no record there is none; in that of a following it begins with the following.
func (r *Report) CriticalPath() []Leg {
	if r.Live {
		return nil
	}
	type visit struct {
		name string
		to   time.Time
	}
	var legs []Leg
	var to time.Time
	u := r.last()
	if u != nil {
		to = u.At
	}
	for visited := map[visit]bool{}; u != nil && !visited[visit{u.Name, to}]; {
		visited[visit{u.Name, to}] = true
		from, before, run := r.before(u, to)
		if from.IsZero() {
			from = r.followed()
		}
		if from.Before(to) {
			legs = append(legs, Leg{Name: u.Name, From: from, To: to, Waited: r.waited(u, from, to), Unit: true})
			to = from
		}
		if u = before; u == nil && run.again {
			u = r.keeper(to, legs)
		}
		if u == nil && !run.first && r.followed().Before(to) {
			to = r.followed() // what was between is no part of the tree any more
		}
	}
	if r.Following() { // what stood before has taken none of the time of who follows
		legs = slices.DeleteFunc(legs, func(l Leg) bool { return r.stoodUntil(r.unit(l.Name), l.To) })
	}
	return append(r.ground(to), reversed(legs)...)
}

// followed is when the time of the units begins: what seed did before was done.
func (r *Report) followed() time.Time { return cmp.Or(r.Planted(), r.Seed, r.Zero()) }

// keeper is the unit without which the goal would have stood at a moment, so that nothing after it would have counted: one
// that was not Ready right before, and of several the one that was Ready last. Who is on the path already is asked last.
func (r *Report) keeper(moment time.Time, path []Leg) *Unit {
	var keeper *Unit
	var until time.Time
	var known bool
	for i := range r.Units {
		u := &r.Units[i]
		at := r.missed(u, moment)
		if at.IsZero() || !r.counts(u) || len(r.Until) > 0 && !r.named(u) {
			continue
		}
		on := slices.ContainsFunc(path, func(leg Leg) bool { return leg.Name == u.Name })
		if keeper == nil || known && !on || known == on && at.After(until) {
			keeper, until, known = u, at, on
		}
	}
	return keeper
}

// missed is when the unit was Ready that was not right before a moment; zero is that it was, or nobody waited for it.
func (r *Report) missed(u *Unit, moment time.Time) time.Time {
	before := PhaseReady
	for _, s := range u.Spans {
		switch {
		case s.Start.Before(moment):
			before = s.Phase
		case before == PhaseReady, before == PhaseSuspended:
			return time.Time{}
		case s.Phase == PhaseReady:
			return s.Start
		}
	}
	if before == PhaseReady || before == PhaseSuspended {
		return time.Time{}
	}
	return r.End()
}

// ground is what came before all units. In a cluster that lived already that is nothing.
func (r *Report) ground(to time.Time) []Leg {
	if r.Following() {
		return nil
	}
	if to.IsZero() {
		to = r.End()
	}
	var legs []Leg
	from := r.Machine
	for _, part := range []Leg{
		{Name: "machine and API server", To: r.APIServer}, {Name: "start of seed", To: r.Seed}, {Name: "seed plants Flux", To: to},
	} {
		if !part.To.IsZero() && part.To.After(to) {
			part.To = to
		}
		if !from.IsZero() && part.To.After(from) {
			part.From = from
			legs = append(legs, part)
		}
		if !part.To.IsZero() {
			from = part.To
		}
	}
	return legs
}

// before tells when the unit could begin the run that it was in at a moment, and the unit that it waited for last: one that it
// depends on, or the one that brought it.
func (r *Report) before(u *Unit, to time.Time) (from time.Time, before *Unit, run run) {
	run = u.run(to)
	from = run.begin
	if run.first {
		before = r.unit(u.By)
	}
	for _, need := range u.Needs {
		n := r.unit(need)
		if n == nil || n.Part && !u.Part {
			continue
		}
		if at := n.there(run.begin, run.free, run.held); at.After(from) {
			from, before = at, n
		}
	}
	return from, before, run
}

// waited is how long the unit did nothing but wait between two moments: for others, or for its next try.
func (r *Report) waited(u *Unit, from, to time.Time) time.Duration {
	var sum time.Duration
	for _, i := range r.Intervals(u) {
		if i.Phase.Waits() || i.Phase == PhaseFailed {
			sum += overlap(i, from, to)
		}
	}
	return sum
}

func overlap(i Interval, from, to time.Time) time.Duration {
	start, end := i.Start, i.End
	if start.Before(from) {
		start = from
	}
	if end.After(to) {
		end = to
	}
	return max(end.Sub(start), 0)
}

func reversed(legs []Leg) []Leg {
	slices.Reverse(legs)
	return legs
}
