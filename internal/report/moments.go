package report

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// Interval is a span with its end.
type Interval struct {
	Span
	End time.Time
}

// Took is how long it lasted.
func (i Interval) Took() time.Duration { return i.End.Sub(i.Start) }

// Intervals are the unit's spans up to the moment it was Ready for good, or to the end of the report.
func (r *Report) Intervals(u *Unit) []Interval {
	all := make([]Interval, 0, len(u.Spans))
	for i, s := range u.Spans {
		end := s.Start
		if i+1 < len(u.Spans) {
			end = u.Spans[i+1].Start
		} else if s.Phase != PhaseReady {
			end = r.End()
		}
		all = append(all, Interval{s, end})
	}
	return all
}

// Following tells that it is no birth's: somebody followed a cluster that lived already, and it begins with that.
func (r *Report) Following() bool {
	return !r.Live && !r.Seed.IsZero() && r.Machine.IsZero() && r.APIServer.IsZero() && len(r.Steps) == 0
}

// Zero is the moment from which the report counts: the machine's start, or the first that is known after it.
func (r *Report) Zero() time.Time {
	for _, at := range []time.Time{r.zero, r.Machine, r.APIServer, r.Seed} {
		if !at.IsZero() {
			return at
		}
	}
	var first time.Time
	for at := range r.moments() {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// End is the last moment that the report tells of. While a unit is not Ready, that is when it was written.
func (r *Report) End() time.Time {
	last := r.Zero()
	if !r.Stands() && r.Saved.After(last) {
		last = r.Saved
	}
	for at := range r.moments() {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// moments are all that are known.
func (r *Report) moments() iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		known := func(at time.Time) bool { return at.IsZero() || yield(at) }
		if !known(r.Machine) || !known(r.APIServer) || !known(r.Seed) {
			return
		}
		for i := range r.Steps {
			if s := &r.Steps[i]; !known(s.Start) || !known(s.Start.Add(s.Took)) {
				return
			}
		}
		for i := range r.Units {
			if !known(r.Units[i].At) {
				return
			}
			for j := range r.Units[i].Spans {
				if !known(r.Units[i].Spans[j].Start) {
					return
				}
			}
		}
	}
}

// Apps are the units that people use: those named by Until, else the Kustomizations with a workload that no other one depends on.
func (r *Report) Apps() []*Unit {
	needed := map[string]bool{}
	for _, u := range r.Units {
		for _, need := range u.Needs {
			needed[need] = true
		}
	}
	var apps []*Unit
	for i := range r.Units {
		u := &r.Units[i]
		if len(r.Until) == 0 && u.Workload && !u.Part && !needed[u.Name] || slices.Contains(r.Until, u.Name) {
			apps = append(apps, u)
		}
	}
	return apps
}

// FirstApp is the app that was online first, and when; nil is none yet, or not recorded. One whose Ready says only that it was applied is
// not known to be online, unless Until names it.
func (r *Report) FirstApp() (app *Unit, at time.Time) {
	if r.Live {
		return nil, at
	}
	for _, u := range r.Apps() {
		ready := u.FirstReady()
		if ready.IsZero() || u.Unchecked && len(r.Until) == 0 {
			continue
		}
		if app == nil || ready.Before(at) {
			app, at = u, ready
		}
	}
	return app, at
}

// FirstReady is when the unit was Ready for the first time; zero is never.
func (u *Unit) FirstReady() time.Time {
	for _, s := range u.Spans {
		if s.Phase == PhaseReady {
			return s.Start
		}
	}
	if u.Ready {
		return u.At
	}
	return time.Time{}
}

func (r *Report) unit(name string) *Unit {
	if i := slices.IndexFunc(r.Units, func(u Unit) bool { return u.Name == name }); i >= 0 && name != "" {
		return &r.Units[i]
	}
	return nil
}

// Planted is when seed's own work was done: the end of its last step that applied anything; zero is unknown.
func (r *Report) Planted() time.Time {
	var at time.Time
	for _, s := range r.Steps {
		if strings.HasPrefix(s.Name, "apply ") && s.State == Done {
			at = s.Start.Add(s.Took)
		}
	}
	return at
}

// Tries are the steps, those of one name together, in the order in which each was tried first.
func (r *Report) Tries() [][]Step {
	var all [][]Step
	at := map[string]int{}
	for _, s := range r.Steps {
		i, known := at[s.Name]
		if !known {
			i = len(all)
			at[s.Name], all = i, append(all, nil)
		}
		all[i] = append(all[i], s)
	}
	return all
}
