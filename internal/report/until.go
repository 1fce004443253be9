package report

import (
	"slices"
	"strings"
	"time"
)

// The moments that a birth is measured by, as they are called.
const firstAppOnline, goalStands, everythingStands = "first app online", "goal", "everything"

// GoalFirst tells that the goal which Until names stood when not all of the tree did. That has ended the following, so what came
// later is not known.
func (r *Report) GoalFirst() bool {
	return !r.Live && len(r.Until) > 0 && r.Reached() && !r.Stands()
}

// NotWaitedFor names the moments that had not come when the goal stood; nobody waited for them.
func (r *Report) NotWaitedFor() []string {
	if !r.GoalFirst() {
		return nil
	}
	if app, _ := r.FirstApp(); app == nil {
		return []string{firstAppOnline, everythingStands}
	}
	return []string{everythingStands}
}

// Passed is what is told of a moment in place of its time and detail if it had not come when the goal stood; ok is false if it has
// come, or was waited for.
func (r *Report) Passed(at time.Time, detail string) (when, why string, ok bool) {
	if !at.IsZero() || !r.GoalFirst() {
		return "", "", false
	}
	return "not waited for", strings.TrimSuffix("the goal stood first; "+detail, "; "), true
}

// GoalAndApps are the units that Until names, in its order, then the apps.
func (r *Report) GoalAndApps() []*Unit {
	var all []*Unit
	for _, name := range r.Until {
		if u := r.unit(name); u != nil && !slices.Contains(all, u) {
			all = append(all, u)
		}
	}
	for _, app := range r.Apps() {
		if !slices.Contains(all, app) {
			all = append(all, app)
		}
	}
	return all
}

// sameGoal tells whether both name the same units, at least one.
func (r *Report) sameGoal(other *Report) bool {
	return len(r.Until) > 0 && slices.Equal(distinct(r.Until), distinct(other.Until))
}

// distinct are the names in their order, each once.
func distinct(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
