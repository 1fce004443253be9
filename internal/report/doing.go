package report

import (
	"cmp"
	"strings"
)

// Phase is what is the matter with the unit now. Of a report of an older seed only Ready is known.
func (u *Unit) Phase() Phase {
	switch {
	case len(u.Spans) > 0:
		return u.Spans[len(u.Spans)-1].Phase
	case u.Ready:
		return PhaseReady
	}
	return PhaseUnknown
}

// Doing says in one line what the unit does in that span of its time, or what it waits for and why.
func (r *Report) Doing(u *Unit, s Span) string {
	switch s.Phase {
	case PhaseAbsent:
		return "waits for " + r.bringer(u)
	case PhaseQueued:
		return "waits for " + u.controller() + " to look at it"
	case PhaseSource:
		return because("waits for its source", s.Why)
	case PhaseDepends:
		return "waits for " + r.missing(u, s)
	case PhaseWorking:
		if u.Part {
			return because("being reconciled", s.Why)
		}
		return because("being applied", s.Why)
	case PhaseHealth:
		return because("applied, not healthy yet", s.Why)
	case PhaseFailed:
		if u.Stalled { // nobody tries it again
			return because("stalled", whole(u, s.Why))
		}
		return because("failed", whole(u, s.Why))
	case PhaseReady:
		return "Ready"
	case PhaseSuspended:
		return "suspended: Flux leaves it alone until somebody resumes it"
	case PhaseFolded:
		return because("many tries", s.Why)
	default:
		return cmp.Or(whole(u, s.Why), "not Ready, and nobody watched")
	}
}

// controller is who works at the unit: not Flux at an ExternalSecret, for example.
func (u *Unit) controller() string {
	if u.Part {
		return "its controller"
	}
	return "Flux"
}

// missing names what of the unit's dependencies is not Ready, each with what it does.
func (r *Report) missing(u *Unit, s Span) string {
	var all []string
	for _, need := range u.Needs {
		n := r.unit(need)
		if n == nil {
			all = append(all, r.Short(need)+" (not seen yet)")
		} else if n.Phase() != PhaseReady {
			all = append(all, r.Short(need)+" ("+awaited[n.Phase()]+")")
		}
	}
	switch {
	case len(all) > 0:
		return strings.Join(all, ", ")
	case len(u.Needs) > 0:
		return u.controller() + " to look at its dependencies again"
	}
	return strings.TrimSuffix(cmp.Or(s.Why, "a dependency"), " is not ready") // Flux knows of one that the report does not
}

// awaited says of a dependency why it is waited for.
var awaited = map[Phase]string{
	PhaseAbsent:    "not there yet",
	PhaseQueued:    "queued",
	PhaseSource:    "without its source",
	PhaseDepends:   "waits itself",
	PhaseWorking:   "in progress",
	PhaseHealth:    "not healthy yet",
	PhaseFailed:    "failed",
	PhaseSuspended: "suspended",
	PhaseFolded:    "not Ready",
	PhaseUnknown:   "not Ready",
}

// because adds why, unless it says only that Flux is at it.
func because(what, why string) string {
	if why == "" || why == "Reconciliation in progress" {
		return what
	}
	return what + ": " + why
}

// whole is a reason of which the span has only the beginning.
func whole(u *Unit, why string) string {
	if beginning, cut := strings.CutSuffix(why, "..."); cut {
		if _, rest, ok := strings.Cut(oneLine(u.Detail), beginning); ok {
			return beginning + rest
		}
	}
	return why
}
