package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// summary says what the rows of the table amount to. A report of an older seed has too little for it.
func (r *Report) summary(w *tabwriter.Writer) {
	if !r.Watched() || r.Live {
		return
	}
	fmt.Fprintln(w, "\nAT\tMOMENT\tDETAIL")
	app, at := r.FirstApp()
	name := ""
	if app != nil {
		name = r.Short(app.Name)
	}
	fmt.Fprintf(w, "%s\tfirst app online\t%s\n", r.since(at), name)
	fmt.Fprintf(w, "%s\teverything\t%s\n", r.since(r.Everything()), r.Standing())
	r.legs(w, "CRITICAL PATH", r.CriticalPath())
	r.legs(w, "SLOWEST", r.Slowest(5))
	var lines []string
	for _, app := range r.Apps() {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s", r.since(app.FirstReady()), r.Short(app.Name), r.Waited(app)))
	}
	if len(lines) > 0 {
		fmt.Fprintln(w, "\nAT\tAPP\tWAITED FOR\n"+strings.Join(lines, "\n"))
	}
}

func (r *Report) legs(w io.Writer, title string, legs []Leg) {
	fmt.Fprintf(w, "\nAT\tTOOK\tWAITING\t%s\n", title)
	for _, leg := range legs {
		waited := ""
		if leg.Waited > 0 {
			waited = seconds(leg.Waited)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.since(leg.From), seconds(leg.Took()), waited, r.Short(leg.Name))
	}
}

// Watched tells whether it was recorded what units did and waited for. A seed of old recorded only when each was Ready.
func (r *Report) Watched() bool {
	return slices.ContainsFunc(r.Units, func(u Unit) bool { return len(u.Spans) > 0 })
}

// Standing says how many of the units are Ready.
func (r *Report) Standing() string {
	ready := 0
	for _, u := range r.Units {
		if u.Ready {
			ready++
		}
	}
	if ready == 1 && len(r.Units) == 1 {
		return "1 unit"
	}
	if ready == len(r.Units) {
		return fmt.Sprintf("%d units", ready)
	}
	return fmt.Sprintf("%d of %d units are Ready", ready, len(r.Units))
}

// Waited says in one line what the unit waited for.
func (r *Report) Waited(u *Unit) string {
	return r.WaitedIn(u, seconds)
}

// WaitedIn is Waited with the durations as format writes them.
func (r *Report) WaitedIn(u *Unit, format func(time.Duration) string) string {
	var parts []string
	for _, wait := range r.Waits(u) {
		parts = append(parts, format(wait.Took)+" for "+wait.For)
	}
	switch {
	case len(u.Spans) == 0, r.Live:
		return "not recorded"
	case u.Spans[0].Phase == PhaseUnknown:
		parts = append(parts, "not watched from the start")
	case len(parts) == 0:
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }
