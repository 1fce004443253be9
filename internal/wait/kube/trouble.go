package kube

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiwait "k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/internal/wait/access"
	"github.com/tazlab/seed/internal/wait/diagnose"
	"github.com/tazlab/seed/internal/wait/target"
)

// pauses are the times between two tries, by what ended the first; each grows by half, up to a limit.
var pauses = map[string]apiwait.Backoff{
	ended:   {Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 100, Cap: 5 * time.Second},
	failing: {Duration: 500 * time.Millisecond, Factor: 1.5, Jitter: 0.5, Steps: 100, Cap: 10 * time.Second},
	poll:    {Duration: 2 * time.Second, Factor: 1.2, Jitter: 0.2, Steps: 100, Cap: 10 * time.Second},
	away:    {Duration: 200 * time.Millisecond, Factor: 1.5, Jitter: 0.5, Steps: 100, Cap: 4 * time.Second},
	unknown: {Duration: time.Second, Factor: 1.2, Jitter: 0.3, Steps: 100, Cap: 3 * time.Second},
	refused: {Duration: time.Second, Factor: 1.5, Jitter: 0.3, Steps: 100, Cap: 5 * time.Second},
}

const (
	ended   = "the watch ended"
	failing = "the watch fails"
	poll    = "there is no watch"
	away    = "the API server is away"
	unknown = "the kind is not served"
	refused = "the request was refused"
)

// trouble is what keeps a follower from asking, and since when.
type trouble struct {
	kind    string
	since   time.Time
	backoff apiwait.Backoff
}

// pause returns how long to wait before the next try.
func (t *trouble) pause(kind string) time.Duration {
	if t.kind != kind || t.backoff.Duration == 0 {
		t.backoff = pauses[kind]
	}
	t.enter(kind)
	return t.backoff.Step()
}

// atLeast is a pause that is no shorter than what an answer asks for; but the page of a load balancer may ask for hours.
func (t *trouble) atLeast(kind string, err error) time.Duration {
	var asked later
	_ = errors.As(err, &asked)
	return max(t.pause(kind), min(asked.after, time.Minute))
}

func (t *trouble) enter(kind string) {
	if t.kind != kind {
		t.kind, t.since = kind, time.Now()
	}
}

// Refused is the end of waiting for somebody who may not ask.
type Refused struct {
	// Why is the API server's own sentence.
	Why string
	// Role is what grants the missing rights, as YAML; empty where rights are not what is missing (401).
	Role string
}

// Error implements error.
func (r Refused) Error() string { return r.Why }

// sort says how long to wait before the next try, or with which error to end.
func (f *Follower) sort(err error) (time.Duration, error) {
	var gone notServed
	var watching watchFailed
	switch {
	case err == nil && !f.polling.IsZero():
		return f.trouble.pause(poll), nil
	case err == nil:
		return f.trouble.pause(ended), nil
	case errors.As(err, &watching):
		if f.trouble.kind != failing {
			f.Note("the watch fails, asking again every few seconds instead: " + watching.Error())
		}
		return f.trouble.atLeast(failing, err), nil
	case errors.As(err, &gone):
		f.seen = nil // found anew, with the version that is served then
		f.tell(target.State{Why: gone.why})
		return f.trouble.pause(unknown), nil
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return f.refuse(err)
	case target.IsUnusable(err):
		return 0, err
	case apierrors.IsBadRequest(err), apierrors.IsInvalid(err), apierrors.IsMethodNotSupported(err):
		return 0, target.Unusable(fmt.Errorf("the API server does not take the request: %w", err))
	}
	pause := f.trouble.atLeast(away, err)
	f.tell(target.State{Unknown: true, Why: f.Client.unreachable(err, time.Since(f.trouble.since))})
	return pause, nil
}

// refuse waits the grace out, and then ends. client-go reads the token's file again after a 401.
func (f *Follower) refuse(err error) (time.Duration, error) {
	pause := f.trouble.pause(refused)
	why := err.Error()
	if apierrors.IsUnauthorized(err) {
		why = "401 Unauthorized: the API server does not accept the token: it has expired, was made for another cluster or audience, or its ServiceAccount is gone"
	}
	if left := f.Grace - time.Since(f.trouble.since); left > 0 {
		f.tell(target.State{Unknown: true, Why: why + fmt.Sprintf(" (given up after %s, rights may arrive late)", f.Grace)})
		return min(pause, left), nil
	}
	end := Refused{Why: why}
	if apierrors.IsForbidden(err) && f.seen != nil { // else it is discovery that is refused
		role, err := access.Role(f.Client.account(why), access.Of(f.Object, f.resource, f.Client.Namespace))
		if end.Role = string(role); err != nil {
			end.Why += " (and the Role that is missing cannot be written: " + err.Error() + ")"
		}
	}
	return 0, end
}

func (f *Follower) namespace() string {
	if f.Object.Namespace != "" {
		return f.Object.Namespace
	}
	return f.Client.Namespace
}

var serviceAccount = regexp.MustCompile(`system:serviceaccount:([^:"]+):([^:"]+)`)

// account is who the API server took the client for, as its refusal says.
func (c *Client) account(refusal string) access.Account {
	if found := serviceAccount.FindStringSubmatch(refusal); found != nil {
		return access.Account{Namespace: found[1], Name: found[2]}
	}
	return access.Account{Namespace: c.Home, Name: "default"}
}

// unreachable says why the API server gave no answer.
func (c *Client) unreachable(err error, waited time.Duration) string {
	if errors.Is(err, context.Canceled) { // the follower's own limit for opening a watch
		err = context.DeadlineExceeded
	}
	if asked, ok := errors.AsType[later](err); ok {
		err = asked // without the URL
	}
	why := diagnose.Explain(err, diagnose.Where{API: true, Address: c.Address, CAFile: c.CAFile, Waited: waited})
	if why == "" {
		why = err.Error()
	}
	return "the API server " + c.Address + " cannot be asked: " + why
}

// answered ends what an answer ends: the API server is there, and serves and allows the request. Of the watch it says nothing.
func (t *trouble) answered() {
	if t.kind != ended && t.kind != failing && t.kind != poll {
		*t = trouble{}
	}
}
