package report

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Table writes the timeline for people: every moment in seconds since the machine started, or since the first one
// that is known.
func (r *Report) Table(out io.Writer) error {
	shown := *r
	shown.zero = r.Zero()
	r = &shown
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if !r.Live && !r.Following() {
		r.steps(w)
	}
	fmt.Fprintln(w, "AT\tREADY\tKUSTOMIZATION\tDETAIL")
	for _, unit := range r.Rows() {
		name := unit.Name
		if unit.Part {
			name = "  " + name
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.since(unit.At), unit.State(), name, oneLine(unit.Detail))
	}
	if r.DroppedParts > 0 {
		fmt.Fprintf(w, "...\t\t  %d more that these brought, left out to save space\t\n", r.DroppedParts)
	}
	r.summary(w)
	if err := w.Flush(); err != nil {
		return err
	}
	if !r.Ended.IsZero() {
		if _, err := fmt.Fprintf(out, "\n%s\n", r.took()); err != nil {
			return err
		}
	}
	if r.PeakMemory == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\nseed held at most %.1f MB of memory\n", float64(r.PeakMemory)/1e6)
	return err
}

func (r *Report) steps(w io.Writer) {
	fmt.Fprintln(w, "AT\tTOOK\tSTEP\tSTATE\tDETAIL")
	r.row(w, r.Machine, 0, "machine start", "", "from /proc/uptime")
	r.row(w, r.APIServer, 0, "API server ready", "", "creation of kube-system, in whole seconds")
	r.row(w, r.Seed, 0, "seed starts", "", "")
	if r.Dropped > 0 {
		fmt.Fprintf(w, "...\t\t%d earlier steps\t\t\n", r.Dropped)
	}
	for _, step := range r.Steps {
		r.row(w, step.Start, step.Took, step.Name, string(step.State), step.Detail)
	}
	fmt.Fprintln(w)
}

func (r *Report) row(w io.Writer, at time.Time, took time.Duration, name, state, detail string) {
	duration := ""
	if took > 0 {
		duration = seconds(took)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.since(at), duration, name, state, oneLine(detail))
}

// since formats a moment; an unknown one is a dash.
func (r *Report) since(at time.Time) string {
	switch {
	case at.IsZero():
		return "-"
	case r.Already(at):
		return "before"
	}
	return seconds(at.Sub(r.Zero()))
}

// State says in one word how it is with the unit.
func (u *Unit) State() string {
	switch {
	case u.Suspended():
		return "suspended"
	case u.Stalled:
		return "stalled"
	case u.Ready:
		return "yes"
	}
	return "no"
}

// Rows are the units as they are shown: each part after the one that brought it.
func (r *Report) Rows() []*Unit {
	below := map[string][]*Unit{}
	var tops, rows []*Unit
	for i := range r.Units {
		u := &r.Units[i]
		if by := r.unit(u.By); u.Part && by != nil && !by.Part {
			below[u.By] = append(below[u.By], u)
			continue
		}
		tops = append(tops, u)
	}
	for _, u := range tops {
		rows = append(append(rows, u), below[u.Name]...)
	}
	return rows
}
