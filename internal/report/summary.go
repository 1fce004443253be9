package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// summary says what the rows of the table amount to. A report of an older seed has too little for it.
func (r *Report) summary(w *tabwriter.Writer) {
	if !r.Watched() {
		return
	}
	if line := r.LeftOutLine(); line != "" {
		fmt.Fprintln(w, "\n"+line)
	}
	if missing := r.MissingText(); missing != "" && !r.Reached() {
		fmt.Fprint(w, "\nMISSING\n"+missing)
	}
	if r.Live {
		return
	}
	r.milestones(w)
	if r.Already(r.Goal()) { // it stood before anybody looked
		return
	}
	r.legs(w, "CRITICAL PATH", r.CriticalPath())
	r.legs(w, "SLOWEST", r.Slowest(5))
	r.apps(w)
	r.nudges(w)
}

func (r *Report) milestones(w io.Writer) {
	fmt.Fprintln(w, "\nAT\tMOMENT\tDETAIL")
	app, at := r.FirstApp()
	name := ""
	if app != nil && !r.Already(at) { // of those that were online already nobody knows which was the first
		name = r.Short(app.Name)
	}
	r.milestone(w, firstAppOnline, at, name)
	if len(r.Until) > 0 {
		r.milestone(w, goalStands, r.Goal(), r.Named())
	}
	r.milestone(w, everythingStands, r.Everything(), r.Standing())
}

func (r *Report) milestone(w io.Writer, name string, at time.Time, detail string) {
	when := r.since(at)
	if passed, why, ok := r.Passed(at, detail); ok {
		when, detail = passed, why
	}
	fmt.Fprintf(w, "%s\t%s\t%s\n", when, name, detail)
}

func (r *Report) apps(w io.Writer) {
	var lines []string
	for _, u := range r.GoalAndApps() {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s", r.since(u.At), r.Short(u.Name), r.Waited(u)))
	}
	head := "APP"
	if len(r.Until) > 0 {
		head = "GOAL OR APP"
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "\nAT\t%s\tWAITED FOR\n%s\n", head, strings.Join(lines, "\n"))
	}
}

func (r *Report) legs(w io.Writer, title string, legs []Leg) {
	if len(legs) == 0 {
		return
	}
	fmt.Fprintf(w, "\nAT\tTOOK\tWAITING\t%s\n", title)
	for _, leg := range legs {
		waited := ""
		if leg.Waited > 0 {
			waited = seconds(leg.Waited)
		}
		from := r.since(leg.From)
		if r.Already(leg.From) {
			from = seconds(0) // what was so before took no time of this
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", from, seconds(leg.Took()), waited, r.Short(leg.Name))
	}
}

// Watched tells whether it was recorded what units did and waited for. A seed of old recorded only when each was Ready.
func (r *Report) Watched() bool {
	return slices.ContainsFunc(r.Units, func(u Unit) bool { return len(u.Spans) > 0 })
}

// nudges says how often Flux was asked to look again.
func (r *Report) nudges(w io.Writer) {
	if len(r.Nudges) == 0 {
		return
	}
	fmt.Fprintln(w, "\nTIMES\tASKED FLUX TO LOOK AGAIN, SINCE")
	for _, cause := range slices.Sorted(maps.Keys(r.Nudges)) {
		fmt.Fprintf(w, "%d\t%s\n", r.Nudges[cause], cause)
	}
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
	case len(u.Spans) == 0, r.Live, len(u.Spans) == 1 && r.stoodBefore(u):
		return "not recorded"
	case u.Spans[0].Phase == PhaseUnknown:
		parts = append(parts, "not watched from the start")
	case u.Suspended():
		parts = append(parts, "suspended")
	case len(parts) == 0:
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
