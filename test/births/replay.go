package births

import (
	"slices"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// AsOf is what r was at a moment of the birth that it tells of: only what had happened by then.
func AsOf(r *report.Report, at time.Time) *report.Report {
	then := *r
	then.Saved = at
	then.Steps, then.Units = nil, nil
	for _, s := range r.Steps {
		if !s.Start.Add(s.Took).After(at) {
			then.Steps = append(then.Steps, s)
		}
	}
	for _, u := range r.Units {
		u.Spans = slices.DeleteFunc(slices.Clone(u.Spans), func(s report.Span) bool { return s.Start.After(at) })
		if len(u.Spans) == 0 {
			continue
		}
		last := u.Spans[len(u.Spans)-1]
		if u.Ready = last.Phase == report.PhaseReady; !u.Ready {
			u.At = time.Time{}
		} else if u.At.After(at) { // it was Ready before, too
			u.At = last.Start
		}
		then.Units = append(then.Units, u)
	}
	return &then
}

// Moments are all moments in which something happened to a step or a unit of r, in order.
func Moments(r *report.Report) []time.Time {
	var all []time.Time
	for _, s := range r.Steps {
		all = append(all, s.Start.Add(s.Took))
	}
	for _, u := range r.Units {
		for _, s := range u.Spans {
			all = append(all, s.Start)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}
