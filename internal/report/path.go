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
	// Waited is how much of it nobody worked: all that it needs was there.
	Waited time.Duration
	Unit   bool
}

// Took is how long it lasted.
func (l Leg) Took() time.Duration { return l.To.Sub(l.From) }

// CriticalPath is the chain that decided when the goal stood, which is all of the tree unless Until names it: from the unit
// that became Ready last back through what it waited for last, to the machine's start. Making anything else faster gains
// nothing. Of a report that is no record there is none.
func (r *Report) CriticalPath() []Leg {
	if r.Live {
		return nil
	}
	var legs []Leg
	visited := map[string]bool{}
	var to time.Time
	u := r.last()
	if u != nil {
		to = u.At
	}
	for u != nil && !visited[u.Name] {
		visited[u.Name] = true
		from, before := r.before(u)
		if from.IsZero() {
			from = cmp.Or(r.Planted(), r.Seed, r.Zero())
		}
		if from.After(to) {
			from = to
		}
		legs = append(legs, Leg{Name: u.Name, From: from, To: to, Waited: r.waited(u, from, to), Unit: true})
		to, u = from, before
	}
	return append(r.ground(to), reversed(legs)...)
}

// ground is what came before all units.
func (r *Report) ground(to time.Time) []Leg {
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

// before tells when the unit could begin, and the unit that it waited for last: one that it depends on, or the one that
// brought it.
func (r *Report) before(u *Unit) (time.Time, *Unit) {
	from, before := u.appeared(), r.unit(u.By)
	for _, need := range u.Needs {
		if n := r.unit(need); n != nil && (u.Part || !n.Part) && n.FirstReady().After(from) {
			from, before = n.FirstReady(), n
		}
	}
	return from, before
}

// waited is how long the unit did nothing but wait between two moments.
func (r *Report) waited(u *Unit, from, to time.Time) time.Duration {
	var sum time.Duration
	for _, i := range r.Intervals(u) {
		if i.Phase.Waits() {
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

// Slowest are the n steps and units that took longest by themselves: a step with all its tries, a unit from when all that
// it needs was there.
func (r *Report) Slowest(n int) []Leg {
	if r.Live {
		return nil
	}
	var all []Leg
	for _, tries := range r.Tries() {
		if tries[0].Name == FollowStep {
			continue
		}
		first, last := tries[0], tries[len(tries)-1]
		leg := Leg{Name: first.Name, From: first.Start, To: last.Start.Add(last.Took)}
		leg.Waited = leg.Took()
		for _, try := range tries {
			leg.Waited -= try.Took
		}
		all = append(all, leg)
	}
	for i := range r.Units {
		u := &r.Units[i]
		from, _ := r.before(u)
		if to := u.FirstReady(); r.counts(u) && !from.IsZero() && to.After(from) {
			all = append(all, Leg{Name: u.Name, From: from, To: to, Waited: r.waited(u, from, to), Unit: true})
		}
	}
	slices.SortStableFunc(all, func(a, b Leg) int { return cmp.Compare(b.Took(), a.Took()) })
	return all[:min(n, len(all))]
}
