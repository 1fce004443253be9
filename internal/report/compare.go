package report

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"
)

// Change is one moment in two reports, each as the time since the start; negative is unknown, or was not waited for.
type Change struct {
	Name         string
	Earlier, Now time.Duration
	Unit         bool
}

// unknown is a moment that a report does not have, notWaitedFor one that had not come when its goal stood.
const unknown, notWaitedFor = time.Duration(-1), time.Duration(-2)

// Compare puts the moments of an earlier report beside those of r: the big ones, the goal among them if both have the same, then
// when each unit was Ready. Parts are not among them: a unit that waits for its parts is. What comes late moves all that come after
// it, so most parts would only say again what their unit says; and how long a part took by itself is known to two seconds only.
func (r *Report) Compare(earlier *Report) []Change {
	from, before := r.starts(earlier)
	var all []Change
	add := func(c Change) {
		if c.Now >= 0 || c.Earlier >= 0 {
			all = append(all, c)
		}
	}
	moment := func(name string, now, then time.Time) {
		add(Change{Name: name, Now: sinceStart(now, from), Earlier: sinceStart(then, before)})
	}
	awaited := func(name string, now, then time.Time) {
		add(Change{Name: name, Now: r.awaited(now, from), Earlier: earlier.awaited(then, before)})
	}
	unit := func(name string, now, then time.Time) {
		add(Change{Name: name, Now: sinceStart(now, from), Earlier: sinceStart(then, before), Unit: true})
	}
	_, first := r.FirstApp()
	_, then := earlier.FirstApp()
	moment("API server ready", r.APIServer, earlier.APIServer)
	moment("seed starts", r.Seed, earlier.Seed)
	moment("Flux and root sync applied", r.Planted(), earlier.Planted())
	awaited(firstAppOnline, first, then)
	if r.sameGoal(earlier) {
		moment(goalStands, r.Goal(), earlier.Goal())
	}
	awaited(everythingStands, r.Everything(), earlier.Everything())
	for i := range r.Units {
		u := &r.Units[i]
		if u.Part {
			continue
		}
		var then time.Time
		if other := earlier.unit(u.Name); other != nil {
			then = other.FirstReady()
		}
		unit(r.Short(u.Name), u.FirstReady(), then)
	}
	for i := range earlier.Units {
		if u := &earlier.Units[i]; !u.Part && r.unit(u.Name) == nil {
			unit(earlier.Short(u.Name), time.Time{}, u.FirstReady())
		}
	}
	return all
}

// starts are the moments from which both reports count: the machines' starts, or seed's where one of those is unknown.
func (r *Report) starts(earlier *Report) (now, then time.Time) {
	switch {
	case !r.Machine.IsZero() && !earlier.Machine.IsZero():
		return r.Machine, earlier.Machine
	case !r.Seed.IsZero() && !earlier.Seed.IsZero():
		return r.Seed, earlier.Seed
	}
	return r.Zero(), earlier.Zero()
}

func sinceStart(at, start time.Time) time.Duration {
	if at.IsZero() || at.Before(start) {
		return unknown
	}
	return at.Sub(start)
}

// awaited is sinceStart of a moment that only a following without a goal waits for.
func (r *Report) awaited(at, start time.Time) time.Duration {
	if at.IsZero() && r.GoalFirst() {
		return notWaitedFor
	}
	return sinceStart(at, start)
}

// Verdict says what has changed, with the difference as format writes it. Half a second and 3 percent are what one machine differs by from birth to birth.
func (c Change) Verdict(format func(time.Duration) string) string {
	slower := c.Now - c.Earlier
	switch {
	case c.Now == notWaitedFor:
		return "not waited for"
	case c.Earlier == notWaitedFor:
		return "not waited for before"
	case c.Earlier == unknown && c.Unit:
		return "new, or not Ready before"
	case c.Earlier == unknown:
		return "not known before"
	case c.Now == unknown && c.Unit:
		return "not Ready, or gone"
	case c.Now == unknown:
		return "not reached"
	case math.Abs(slower.Seconds()) < max(0.5, 0.03*c.Earlier.Seconds()):
		return "as before"
	case slower > 0:
		return format(slower) + " slower"
	}
	return format(-slower) + " faster"
}

// Comparison writes what got faster or slower since an earlier birth.
func (r *Report) Comparison(out io.Writer, earlier *Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "EARLIER\tNOW\tCHANGE\tMOMENT")
	text := func(d time.Duration) string {
		if d < 0 {
			return "-"
		}
		return seconds(d)
	}
	for _, c := range r.Compare(earlier) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", text(c.Earlier), text(c.Now), c.Verdict(seconds), c.Name)
	}
	return w.Flush()
}
