package report

import (
	"fmt"
	"strings"
	"time"
)

// Summary is one line on a birth that has ended.
func (r *Report) Summary() string {
	what := "Flux reconciles the tree"
	if r.Revision != "" {
		what = "Flux is planted at " + r.Revision
	}
	return what + "; " + r.Stood()
}

// Stood is Summary without what was planted: what is Ready, once the goal is reached, and what is left out of it.
func (r *Report) Stood() string {
	text := fmt.Sprintf("all %d Kustomizations are Ready", len(r.tree()))
	if len(r.Until) > 0 {
		text = "the goal is Ready: " + r.Named()
	}
	if line := r.LeftOutLine(); line != "" {
		text += "; " + line
	}
	return text
}

// Named are the units that the goal names.
func (r *Report) Named() string {
	names := make([]string, 0, len(r.Until))
	for _, name := range r.Until {
		names = append(names, r.Short(name))
	}
	return strings.Join(names, ", ")
}

// LeftOutLine names in one line what nobody waits for; nothing is the empty text.
func (r *Report) LeftOutLine() string {
	suspended, behind := r.LeftOut()
	if len(suspended) == 0 {
		return ""
	}
	text := "suspended, so not waited for: " + r.shorts(suspended)
	if len(behind) > 0 {
		text += "; nor is what can only come after: " + r.shorts(behind)
	}
	return text
}

// Standing says how many of the units that the tree is judged by are Ready.
func (r *Report) Standing() string {
	count, tree := 0, r.tree()
	for _, u := range tree {
		if u.Ready {
			count++
		}
	}
	text := fmt.Sprintf("%d of %d units are Ready", count, len(tree))
	switch {
	case count == 1 && len(tree) == 1:
		text = "1 unit"
	case count == len(tree):
		text = fmt.Sprintf("%d units", count)
	}
	suspended, behind := r.LeftOut()
	out := len(behind)
	for _, u := range suspended {
		if r.counts(u) {
			out++
		}
	}
	if out > 0 {
		text += fmt.Sprintf(", %d left out", out)
	}
	return text
}

// Moments are the two that every birth is measured by, and the goal if there is one, in one line with those that nobody waited for;
// empty if none is known.
func (r *Report) Moments() string {
	var parts []string
	add := func(name string, at time.Time) {
		if !at.IsZero() {
			parts = append(parts, name+" "+r.since(at))
		}
	}
	if app, at := r.FirstApp(); app != nil {
		add(firstAppOnline+" ("+r.Short(app.Name)+")", at)
	}
	if len(r.Until) > 0 {
		add(goalStands, r.Goal())
	}
	add(everythingStands, r.Everything())
	if len(parts) == 0 {
		return ""
	}
	start := "seed"
	if !r.Machine.IsZero() {
		start = "the machine"
	}
	text := strings.Join(parts, ", ") + " after the start of " + start
	if passed := r.NotWaitedFor(); len(passed) > 0 {
		text += "; not waited for: " + strings.Join(passed, ", ")
	}
	return text
}
