package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Cause is what is the matter with the unit where a chain of waiting ends.
type Cause string

// The causes, the gravest first.
const (
	CauseStalled   Cause = "stalled"      // Flux does not try again until somebody changes it
	CauseFailed    Cause = "failed"       // Flux goes on trying
	CauseAbsent    Cause = "not created"  // nobody has brought it
	CauseWaits     Cause = "waits"        // for what the report does not know
	CauseBusy      Cause = "not done yet" // Flux is at work on it
	CauseSuspended Cause = "suspended"    // Flux is told to leave it alone
)

var causes = []Cause{CauseStalled, CauseFailed, CauseAbsent, CauseWaits, CauseBusy, CauseSuspended}

// Missing is a reason why units are not Ready.
type Missing struct {
	Cause Cause
	// Unit is the one to look at: what waits for it, directly or not, is in Waiting, in the order of the report. The names
	// are those of the units.
	Unit    string
	Waiting []string
	// Why is what Flux says of Unit, in one line.
	Why string
}

// Missing is what does not stand of the goal, by cause, the gravest first: each unit that is not Ready is followed through
// what it waits for to where the chain ends. What is suspended is among it, also when the tree stands without it.
func (r *Report) Missing() []Missing {
	var all []Missing
	for _, name := range r.Until {
		if r.unit(name) == nil {
			all = append(all, Missing{Cause: CauseAbsent, Unit: name, Why: "nothing in the tree has that name"})
		}
	}
	for _, u := range r.concerned() {
		for _, root := range r.roots(u) {
			i := slices.IndexFunc(all, func(m Missing) bool { return m.Unit == root.Name })
			if i < 0 {
				i = len(all)
				all = append(all, Missing{Cause: root.cause(), Unit: root.Name, Why: root.why()})
			}
			if root != u {
				all[i].Waiting = append(all[i].Waiting, u.Name)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Missing) int {
		return cmp.Compare(slices.Index(causes, a.Cause), slices.Index(causes, b.Cause))
	})
	return all
}

// concerned are the units of the goal that do not stand and all that they wait for, in the order of the report.
func (r *Report) concerned() []*Unit {
	var queue []*Unit
	for i := range r.Units {
		u := &r.Units[i]
		goal := r.named(u) || len(r.Until) == 0 && r.counts(u)
		if goal && (!u.Ready || u.Suspended()) {
			queue = append(queue, u)
		}
	}
	found := map[*Unit]bool{}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		if !found[u] {
			found[u] = true
			queue = append(queue, r.awaits(u)...)
		}
	}
	var all []*Unit
	for i := range r.Units {
		if found[&r.Units[i]] {
			all = append(all, &r.Units[i])
		}
	}
	return all
}

// roots are the ends of the chains of waiting that begin at u. Of units that wait for each other it is the last one before
// the circle closes.
func (r *Report) roots(u *Unit) []*Unit {
	var all []*Unit
	visited := map[*Unit]bool{}
	var walk func(*Unit)
	walk = func(u *Unit) {
		visited[u] = true
		ends := true
		for _, next := range r.awaits(u) {
			ends = ends && visited[next]
			if !visited[next] {
				walk(next)
			}
		}
		if ends {
			all = append(all, u)
		}
	}
	walk(u)
	return all
}

// awaits are the units without which u cannot go on.
func (r *Report) awaits(u *Unit) []*Unit {
	if u.Stalled {
		return nil
	}
	switch u.Phase() {
	case PhaseDepends, PhaseSource:
		return r.unmet(u)
	case PhaseAbsent: // who checks the health of what it brought has brought it once
		if by := r.unit(u.By); by != nil && (!by.Ready || by.Suspended()) && by.Phase() != PhaseHealth {
			return []*Unit{by}
		}
	case PhaseHealth, PhaseFailed:
		return r.unhealthy(u)
	}
	return nil
}

// unmet are the dependencies of u that are not as it needs them.
func (r *Report) unmet(u *Unit) []*Unit {
	var all []*Unit
	for _, need := range u.Needs {
		if n := r.unit(need); n != nil && (!n.Ready || n.Suspended() && strings.Contains(u.why(), "'"+need+"'")) {
			all = append(all, n)
		}
	}
	return all
}

// unhealthy are what u brought and its health check waits for, or has failed for.
func (r *Report) unhealthy(u *Unit) []*Unit {
	var all []*Unit
	for i := range r.Units {
		// That what is suspended is checked at all only the error of the check says: healthChecks may leave it out.
		if child := &r.Units[i]; child.By == u.Name && child != u && !child.Ready && (u.Phase() == PhaseHealth && !child.Suspended() || u.blames(child)) {
			all = append(all, child)
		}
	}
	return all
}

// blames tells whether the reason why u has failed names the other, as the error of a health check does: "timeout waiting
// for: [HelmRelease/apps/blog status: 'InProgress']".
func (u *Unit) blames(other *Unit) bool {
	name := other.Name
	if !other.Part {
		name = "kustomization/" + name
	}
	return strings.Contains(strings.ToLower(u.why()+" "+u.Detail), strings.ToLower(name)+" ")
}

func (u *Unit) cause() Cause {
	phase := u.Phase()
	switch {
	case phase == PhaseSuspended:
		return CauseSuspended
	case u.Stalled:
		return CauseStalled
	case phase == PhaseFailed:
		return CauseFailed
	case phase == PhaseAbsent:
		return CauseAbsent
	case phase.Waits():
		return CauseWaits
	}
	return CauseBusy
}

// causeWords are the causes as they are told to people.
var causeWords = map[Cause]string{
	CauseStalled: "stalled, so that Flux does not try again", CauseFailed: "failed, and Flux goes on trying", CauseAbsent: "not created",
	CauseWaits: "waits", CauseBusy: "not done yet", CauseSuspended: "suspended",
}

// said is one line: the cause, the unit, what Flux says.
func (r *Report) said(m Missing) string {
	text := causeWords[m.Cause] + ": " + r.Short(m.Unit)
	if m.Why != "" && m.Cause != CauseSuspended {
		text += ": " + m.Why
	}
	return text
}

// MissingText is what Missing returns, in lines for people; nothing is the empty text.
func (r *Report) MissingText() string {
	var out strings.Builder
	for _, m := range r.Missing() {
		fmt.Fprintln(&out, r.said(m))
		if len(m.Waiting) > 0 {
			fmt.Fprintf(&out, "  %s\n", r.WaitFor(m, maxNamed))
		}
	}
	return out.String()
}

// MissingLine is the same in one line that is short enough for an Event or a chat.
func (r *Report) MissingLine() string {
	var parts []string
	for _, m := range r.Missing() {
		text := r.said(m)
		if len(m.Waiting) > 0 {
			text += " (" + r.WaitFor(m, 3) + ")"
		}
		parts = append(parts, text)
	}
	return shorten(strings.Join(parts, "; "), maxLine)
}

const (
	maxNamed = 10
	maxLine  = 800 // bytes; an Event takes 1024
)

// WaitFor says who waits for the unit of m, and names at most so many.
func (r *Report) WaitFor(m Missing, most int) string {
	var names []string
	for _, name := range m.Waiting {
		names = append(names, r.Short(name))
	}
	switch more := len(names) - most; {
	case more > 0:
		return fmt.Sprintf("%s and %d more wait for it", strings.Join(names[:most], ", "), more)
	case len(names) == 1:
		return names[0] + " waits for it"
	}
	return strings.Join(names, ", ") + " wait for it"
}
