package report

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"
)

// Change is one moment in two reports, each as the time since the start; negative is unknown.
type Change struct {
	Name         string
	Earlier, Now time.Duration
	Unit         bool
}

const unknown = time.Duration(-1)

// Compare puts the moments of an earlier report beside those of r: the big ones, then when each unit was Ready. Parts are
// not among them: a unit that waits for its parts is. What comes late moves all that come after it, so most parts would only
// say again what their unit says; and how long a part took by itself is known to two seconds only.
func (r *Report) Compare(earlier *Report) []Change {
	from, before := r.starts(earlier)
	var all []Change
	add := func(name string, unit bool, now, then time.Time) {
		c := Change{Name: name, Unit: unit, Now: sinceStart(now, from), Earlier: sinceStart(then, before)}
		if c.Now != unknown || c.Earlier != unknown {
			all = append(all, c)
		}
	}
	_, first := r.FirstApp()
	_, then := earlier.FirstApp()
	add("API server ready", false, r.APIServer, earlier.APIServer)
	add("seed starts", false, r.Seed, earlier.Seed)
	add("Flux and root sync applied", false, r.Planted(), earlier.Planted())
	add("first app online", false, first, then)
	add("everything", false, r.Everything(), earlier.Everything())
	for i := range r.Units {
		u := &r.Units[i]
		if u.Part {
			continue
		}
		var then time.Time
		if other := earlier.unit(u.Name); other != nil {
			then = other.FirstReady()
		}
		add(r.Short(u.Name), true, u.FirstReady(), then)
	}
	for i := range earlier.Units {
		if u := &earlier.Units[i]; !u.Part && r.unit(u.Name) == nil {
			add(earlier.Short(u.Name), true, time.Time{}, u.FirstReady())
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

// Verdict says what has changed, with the difference as format writes it. Half a second and 3 percent are what one machine differs by from birth to birth.
func (c Change) Verdict(format func(time.Duration) string) string {
	slower := c.Now - c.Earlier
	switch {
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
		if d == unknown {
			return "-"
		}
		return seconds(d)
	}
	for _, c := range r.Compare(earlier) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", text(c.Earlier), text(c.Now), c.Verdict(seconds), c.Name)
	}
	return w.Flush()
}
