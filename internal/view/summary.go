package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// standing counts: how many units are Ready, and what else is to be known of them and of their parts.
func standing(r *report.Report) string {
	var units, ready, parts, partsReady, failed, suspended int
	for i := range r.Units {
		u := &r.Units[i]
		isReady := u.Phase() == report.PhaseReady
		switch {
		case u.Part:
			parts++
			partsReady += one(isReady)
		default:
			units++
			ready += one(isReady)
		}
		failed += one(u.Phase() == report.PhaseFailed)
		suspended += one(u.Phase() == report.PhaseSuspended)
	}
	if units == 0 {
		return "no unit yet"
	}
	text := fmt.Sprintf("%d of %d Ready", ready, units)
	if parts > 0 {
		text += fmt.Sprintf(", %d of %d parts", partsReady, parts)
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if suspended > 0 {
		text += fmt.Sprintf(", %d suspended", suspended)
	}
	return text
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// firstApp says which app was online first, and when; empty is none yet.
func firstApp(r *report.Report) string {
	app, at := r.FirstApp()
	if app == nil {
		return ""
	}
	return fmt.Sprintf("first app online %s (%s)", moment(at, r.Zero()), r.Short(app.Name))
}

// everything says when all stood; empty is not yet.
func everything(r *report.Report) string {
	at := r.Everything()
	if at.IsZero() {
		return ""
	}
	return "everything " + moment(at, r.Zero())
}

// nudges counts how often Flux was asked, by cause; empty is never.
func nudges(counts map[string]int) string {
	var all []string
	for _, cause := range slices.Sorted(maps.Keys(counts)) {
		if counts[cause] > 0 {
			all = append(all, fmt.Sprintf("%d for %s", counts[cause], cause))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "asked Flux to look again: " + strings.Join(all, ", ")
}

// goal says what of the named goal is missing; empty is that nothing is, or that all of the tree is the goal.
func goal(r *report.Report) string {
	var all []string
	for _, name := range r.Until {
		i := slices.IndexFunc(r.Units, func(u report.Unit) bool { return u.Name == name })
		if i < 0 || r.Units[i].Phase() != report.PhaseReady {
			all = append(all, r.Short(name))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "until Ready: " + strings.Join(all, ", ")
}

// doing says what the unit does in a span; of a Ready one, what it waited for before.
func doing(r *report.Report, u *report.Unit, s report.Span) string {
	text := r.Doing(u, s)
	if s.Phase != report.PhaseReady || r.Live {
		return text
	}
	var waits []string
	for _, wait := range r.Waits(u) {
		if wait.Took >= 100*time.Millisecond { // less is Flux writing its result in parts
			waits = append(waits, short(wait.Took)+" for "+wait.For)
		}
	}
	if len(waits) > 0 {
		text += ", waited " + strings.Join(waits, ", ")
	}
	return text
}
