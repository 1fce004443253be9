package wait

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/wait/kube"
	"github.com/tazlab/seed/internal/wait/target"
)

// Kind is how a waiting ended.
type Kind string

// The ends of a waiting. They are also the reasons of Events.
const (
	// Met is the good end.
	Met Kind = "Met"
	// Broken is an error that nobody expected.
	Broken Kind = "Error"
	// Unusable is a mistake in what was given: no waiting cures it.
	Unusable Kind = "Unusable"
	// Failed is a target that can never be met, or one of FailIf that is.
	Failed Kind = "Failed"
	// Refused is a right that is still missing after the grace.
	Refused Kind = "Refused"
	// TimedOut is the end of the budget.
	TimedOut Kind = "TimedOut"
	// Interrupted is the end of the context.
	Interrupted Kind = "Interrupted"
)

// Outcome is how a waiting ended.
type Outcome struct {
	Kind Kind
	// Message stands alone: it names the targets and why.
	Message string
	// Role is what would grant the rights that Refused misses, as YAML; "" if rights are not what is missing.
	Role string
	// Cause is what interrupted.
	Cause error
}

// failed is the end of a target that can never be met.
type failed struct{ why string }

// Error implements error.
func (f failed) Error() string { return f.why }

// ending is the outcome when a target cannot be followed any more.
func ending(text string, err error) Outcome {
	if target.IsUnusable(err) {
		return Outcome{Kind: Unusable, Message: text + ": " + err.Error()}
	}
	if refused, ok := errors.AsType[kube.Refused](err); ok {
		return Outcome{Kind: Refused, Message: text + ": " + refused.Why, Role: refused.Role}
	}
	if _, ok := errors.AsType[failed](err); ok {
		return Outcome{Kind: Failed, Message: text + " has failed for good: " + err.Error()}
	}
	return Outcome{Kind: Broken, Message: text + ": " + err.Error()}
}

// exhausted is the outcome when no target can be followed any more, of which one would have been enough. Whatever came
// last: a right can be granted, so a refusal tells more than a failure.
func (r *run) exhausted() Outcome {
	var all Outcome
	var messages, roles []string
	for _, f := range r.all {
		if f.guard {
			continue
		}
		one := ending(f.Text, f.dead)
		messages = append(messages, one.Message)
		if one.Role != "" {
			roles = append(roles, one.Role)
		}
		if worst := []Kind{Failed, Refused, Broken}; slices.Index(worst, one.Kind) > slices.Index(worst, all.Kind) {
			all.Kind = one.Kind
		}
	}
	all.Message, all.Role = strings.Join(messages, "; "), strings.Join(roles, "---\n")
	return all
}

// found says what the waiting was for.
func (r *run) found() string {
	var all []string
	for _, f := range r.all {
		if f.Met && !f.guard {
			all = append(all, f.Text+": "+f.Why)
		}
	}
	return fmt.Sprintf("met after %s: %s", short(time.Since(r.started)), strings.Join(all, "; "))
}

// short is a duration as people say it.
func short(d time.Duration) string {
	if d < time.Minute {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
