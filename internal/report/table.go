package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Table writes the timeline for people: every moment in seconds since the machine started, or since the first one
// that is known.
func (r *Report) Table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if !r.Live {
		r.steps(w)
	}
	fmt.Fprintln(w, "AT\tREADY\tKUSTOMIZATION\tDETAIL")
	for _, unit := range r.Units {
		ready := "no"
		if unit.Ready {
			ready = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.since(unit.At), ready, unit.Name, oneLine(unit.Detail))
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
	if at.IsZero() {
		return "-"
	}
	return seconds(at.Sub(r.Zero()))
}

// oneLine keeps a multi-line message from breaking the table.
func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
