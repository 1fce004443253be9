package report

import "time"

// run is how a unit came to be Ready once. Flux takes Ready from a unit whenever it looks at it again, so most have several.
type run struct {
	begin time.Time // when it was there and not Ready; zero is unknown
	free  time.Time // the last moment in which it may have waited for what it needs
	held  bool      // at the moment that was asked for it still waited
	first bool      // who brought it came before it
	again bool      // it had been Ready before
}

// run is the unit's newest run that had begun at that moment.
func (u *Unit) run(at time.Time) run {
	if len(u.Spans) == 0 { // of an older seed
		return run{free: at, first: true}
	}
	last := len(u.Spans) - 1
	for last >= 0 && (u.Spans[last].Start.After(at) || u.Spans[last].Phase == PhaseReady) {
		last--
	}
	if last < 0 { // it was Ready when it was seen first; spans count in milliseconds
		return run{begin: at, free: at, first: at.Sub(u.Spans[0].Start) < time.Millisecond}
	}
	from := last
	for from > 0 && u.Spans[from-1].Phase != PhaseReady {
		from--
	}
	again := from > 0
	for from < last && u.Spans[from].Phase == PhaseAbsent {
		from++
	}
	r := run{begin: u.Spans[from].Start, first: !again, again: again}
	if u.Spans[from].Phase == PhaseAbsent {
		r.begin = at
	}
	r.free = r.begin
	worked := false
	for i := from; i <= last; i++ {
		phase := u.Spans[i].Phase
		if r.held = u.held(phase, worked); r.held {
			r.free = at
			if i+1 < len(u.Spans) && !u.Spans[i+1].Start.After(at) {
				r.free, r.held = u.Spans[i+1].Start, false
			}
		}
		worked = worked || phase == PhaseWorking || phase == PhaseHealth || phase == PhaseFailed
	}
	return r
}

// held tells whether a unit in that phase may wait for what it needs. Flux looks at that before it works. What is no
// Kustomization may be called failed for it: an ExternalSecret whose store is not valid, for example.
func (u *Unit) held(phase Phase, worked bool) bool {
	switch phase {
	case PhaseDepends, PhaseFolded, PhaseUnknown:
		return true
	case PhaseWorking, PhaseHealth:
		return false
	case PhaseFailed:
		return u.Part
	default:
		return u.Part || !worked
	}
}

// readyBy is when the unit was Ready for the last time up to a moment, and whether it still was then. Who suspends a unit
// does not take that away.
func (u *Unit) readyBy(moment time.Time) (at time.Time, still bool) {
	for _, s := range u.Spans {
		switch {
		case s.Start.After(moment):
			return at, still
		case s.Phase == PhaseReady:
			at, still = s.Start, true
		case s.Phase != PhaseSuspended:
			still = false
		}
	}
	if at.IsZero() && u.Ready && !u.At.After(moment) { // of an older seed, or suspended when it was seen first
		return u.At, true
	}
	return at, still
}

// there is when u had come for another unit, which waited from a moment to another. With held that one still does.
func (u *Unit) there(from, to time.Time, held bool) time.Time {
	by := to
	if held { // what comes in the last moment is too late
		by = to.Add(-1)
	}
	at, still := u.readyBy(by)
	if still || at.After(from) {
		return at
	}
	if _, was := u.readyBy(from); was && !held { // the other one has seen it Ready, and it was looked at again after that
		return at
	}
	return to
}
