package birth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// Deadline is the error of a following whose goal did not stand in time.
type Deadline struct {
	// After is the deadline.
	After time.Duration
	// Missing is what did not stand, by cause, in lines.
	Missing string
}

// Error names the deadline and what is missing.
func (d Deadline) Error() string {
	return fmt.Sprintf("the goal does not stand after %s:\n%s", d.After, strings.TrimSuffix(d.Missing, "\n"))
}

// What follows is report's to say: reached is (*Report).Reached, missing MissingText, stood Stood, and the suspended ones
// of never are in Missing.

func counts(r *report.Report, u *report.Unit) bool {
	return !u.Part && len(r.Until) == 0 || slices.Contains(r.Until, u.Name)
}

func phaseOf(u *report.Unit) report.Phase {
	if len(u.Spans) == 0 {
		return report.PhaseUnknown
	}
	return u.Spans[len(u.Spans)-1].Phase
}

// leftOut are the units that are suspended, and those that wait for such.
func leftOut(r *report.Report) map[string]bool {
	out := map[string]bool{}
	for grown := true; grown; {
		grown = false
		for i := range r.Units {
			u := &r.Units[i]
			phase := phaseOf(u)
			behind := !u.Ready && phase.Waits() && (out[u.By] && phase == report.PhaseAbsent || slices.ContainsFunc(u.Needs, func(need string) bool { return out[need] }))
			if !out[u.Name] && (phase == report.PhaseSuspended || behind) {
				out[u.Name], grown = true, true
			}
		}
	}
	return out
}

func reached(r *report.Report) bool {
	out, found := leftOut(r), 0
	for i := range r.Units {
		u := &r.Units[i]
		if !counts(r, u) {
			continue
		}
		found++
		if out[u.Name] && len(r.Until) == 0 {
			continue
		}
		if !u.Ready || out[u.Name] {
			return false
		}
	}
	return found > 0 && found >= len(r.Until)
}

func missing(r *report.Report) string {
	var lines strings.Builder
	for _, name := range r.Until {
		if !r.Seen(name) {
			fmt.Fprintf(&lines, "%s: not in the cluster yet\n", name)
		}
	}
	out := leftOut(r)
	for i := range r.Units {
		if u := &r.Units[i]; counts(r, u) && (!u.Ready || out[u.Name]) {
			fmt.Fprintf(&lines, "%s: %s\n", u.Name, u.Detail)
		}
	}
	return lines.String()
}

func stood(r *report.Report) string {
	out := leftOut(r)
	all := 0
	for i := range r.Units {
		if u := &r.Units[i]; !u.Part && !out[u.Name] {
			all++
		}
	}
	text := fmt.Sprintf("all %d Kustomizations are Ready", all)
	if len(r.Until) > 0 {
		text = "the goal is Ready: " + strings.Join(r.Until, ", ")
	}
	if len(out) > 0 {
		text += fmt.Sprintf("; %d suspended: left alone", len(out))
	}
	return text
}

// never is an error if what Until names can only become Ready after something that is suspended.
func (f *Following) never() error {
	out := leftOut(f.Report)
	for _, name := range f.Report.Until {
		if out[name] {
			return fmt.Errorf("%s is suspended, or waits for what is, and will never be Ready: resume it in Git, or wait for something else", name)
		}
	}
	return nil
}
