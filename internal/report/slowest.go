package report

import (
	"cmp"
	"slices"
)

// Slowest are the n steps and units that took longest by themselves: a step with all its tries, a unit from when all that
// it needs was there. Of a unit that was Ready more than once that counts which took longest.
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
		if u := &r.Units[i]; r.counts(u) {
			if leg := r.longest(u); leg.Took() > 0 {
				all = append(all, leg)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Leg) int { return cmp.Compare(b.Took(), a.Took()) })
	return all[:min(n, len(all))]
}

// longest is the longest time in which the unit came to be Ready, from when all that it needs was there.
func (r *Report) longest(u *Unit) Leg {
	leg := Leg{Name: u.Name, Unit: true}
	for _, s := range u.Spans {
		if s.Phase != PhaseReady {
			continue
		}
		if from, _, _ := r.before(u, s.Start); s.Start.Sub(from) > leg.Took() {
			leg.From, leg.To = from, s.Start
		}
	}
	leg.Waited = r.waited(u, leg.From, leg.To)
	return leg
}
