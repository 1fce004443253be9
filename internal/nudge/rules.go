package nudge

import (
	"context"
	"time"
)

// rule is one thing that can come, and who waits for it.
type rule struct {
	name string
	// waits tells by the condition that failed whether u waits for it.
	waits func(u *unit) bool
	// came is what has come of all that u waits for; without an id if something is missing.
	came func(ctx context.Context, s *state, u *unit) cause
}

// cause is what has come. Nobody is asked twice in a row for the same id.
type cause struct {
	id, text string
	// at is when it came. It is not set where the failure itself says that it had not come yet.
	at time.Time
	// from is when it is good, if not at once.
	from time.Time
}

// rules are all of them. That a source has got its artifact needs none: kustomize-controller and helm-controller watch the
// sources. Nor does a chart that helm-controller could not fetch: it tries nine times, 5 to 30 s apart, and then again, after
// a back-off that begins with 750 ms.
// https://github.com/fluxcd/kustomize-controller/blob/v1.9.5/internal/controller/kustomization_manager.go
// https://github.com/fluxcd/helm-controller/blob/v1.6.2/internal/controller/helmrelease_controller.go
var rules = []rule{
	{"dependency ready", waitsForDependency, dependenciesMet},
	{"source-controller available", waitsForSourceController, sourceControllerAvailable},
	{"CRD established", waitsForDefinition, definitionsEstablished},
	{"webhook serving", waitsForWebhook, webhooksServe},
	{"store valid", waitsForStore, storesValid},
	{"credential written", waitsForCredential, credentialsWritten},
}

// recent is how long before a failure was told its cure may have come. A change is often seen before the status that it
// explains: the controller has tried just before it, and writes just after it. The longest that such a try takes to fail is
// a call of a webhook, 30 s.
const recent = 30 * time.Second

// longBefore tells that c was there when u failed: then something else is the reason. Conditions have whole seconds.
func (c cause) longBefore(u *unit) bool {
	return !c.at.IsZero() && c.at.Before(u.failed.LastTransitionTime.Add(-recent))
}
