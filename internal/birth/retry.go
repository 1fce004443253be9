package birth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/report"
)

const (
	// firstPause and longestPause bound the doubling pause after an error that waiting may cure.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// firstBlocked and longestBlocked bound the doubling pause after an error that needs a cure from outside: seed goes
	// on soon after the cure, and bothers vault and Git little until then. What must be left alone for longer says so
	// itself, with failure.After.
	firstBlocked   = 30 * time.Second
	longestBlocked = 10 * time.Minute
	// leastBlocked is the least time from one changed input to the next that is tried. Three bad logins, each
	// within 30 s of the one before, lock an identity: the third is later.
	leastBlocked = 31 * time.Second
)

// Pause waits after a failed try for as long as its error err asks for. try is its number from 0, among those in a row
// that were failure.Blocked if err is, else among all. It returns err at once if it is failure.Invalid, and joined with
// the cause when ctx ends.
func Pause(ctx context.Context, try int, err error) error {
	if failure.IsInvalid(err) {
		return err
	}
	return failure.WaitOut(ctx, pauseAfter(try, err), err)
}

func pauseAfter(try int, err error) time.Duration {
	if wait := failure.Wait(err); wait > 0 {
		return min(wait, longestBlocked)
	}
	if failure.IsBlocked(err) {
		return doubled(firstBlocked, longestBlocked, try)
	}
	pause := doubled(firstPause, longestPause, try)
	return pause/2 + rand.N(pause/2) //nolint:gosec // jitter needs no secure randomness
}

// doubled is first, doubled so many times, and longest at most.
func doubled(first, longest time.Duration, times int) time.Duration {
	for ; times > 0 && first < longest; times-- {
		first *= 2
	}
	return min(first, longest)
}

// pause tells about err, then waits.
func (b *Birth) pause(ctx context.Context, try int, err error) error {
	if ctx.Err() == nil {
		b.Log.Error("cannot go on", "try", try+1, "state", failed(err), "error", err)
		reason := "Retrying"
		if failure.IsBlocked(err) {
			reason = "Blocked"
		}
		if failure.IsInvalid(err) {
			reason = "InvalidBundle"
		}
		b.tell(ctx, reason, err.Error())
	}
	if failure.IsBlocked(err) {
		try = b.blocked
		b.blocked++
	} else {
		b.blocked = 0
	}
	wait := func() error { return Pause(ctx, try, err) }
	switch {
	case b.Pause != nil:
		wait = func() error { return b.Pause(ctx, try, err) }
	case failure.IsBlocked(err) && b.inputs != nil:
		wait = func() error { return b.untilChanged(ctx, try, err) }
	}
	if err := wait(); err != nil {
		return err
	}
	return b.outdated(ctx, b.Cluster)
}

// retry does something until it succeeds; it ends as pause does.
func (b *Birth) retry(ctx context.Context, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if err == nil {
			return nil
		}
		if err := b.pause(ctx, try, err); err != nil {
			return err
		}
	}
}

// tell records an Event for each change of what is to be told, not for each try.
func (b *Birth) tell(ctx context.Context, reason, message string) {
	if b.told[reason] == message {
		return
	}
	if b.told == nil {
		b.told = map[string]string{}
	}
	b.told[reason] = message
	b.event(ctx, reason, message)
}

// outdated is an error if the bundle in the cluster is no longer the one that seed began with. A process cannot
// begin anew with another one; the next Pod does.
func (b *Birth) outdated(ctx context.Context, live client.Reader) error {
	if b.Config.Name == "" {
		return nil
	}
	var now corev1.ConfigMap
	if err := live.Get(ctx, b.Config, &now); err != nil {
		return nil //nolint:nilerr // absent or out of reach: seed goes on with what it has
	}
	if maps.Equal(now.Data, b.ConfigData) {
		return nil
	}
	return fmt.Errorf("the ConfigMap %s has changed: ending, so that the next Pod starts with it", b.Config)
}

// untilChanged waits out a blocked error: until something that the try read in the cluster is changed, or for
// as long as Pause would, since the cure may lie at the vault or in Git.
func (b *Birth) untilChanged(ctx context.Context, try int, err error) error {
	wait, cancel := context.WithTimeout(ctx, pauseAfter(try, err))
	defer cancel()
	if outdated := b.outdated(ctx, b.inputs); outdated != nil { // from here on it is watched, too
		return fmt.Errorf("%w; until then: %w", outdated, err)
	}
	if err := failure.WaitOut(ctx, time.Until(b.woken.Add(leastBlocked)), err); err != nil {
		return err
	}
	input, watchErr := b.inputs.Changed(wait)
	switch {
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), err)
	case watchErr != nil: // the time is up
		return nil
	}
	b.woken = time.Now()
	b.Log.Info("trying again, since an input has changed", "input", input)
	return nil
}

// failed is the state of a step that ended with err.
func failed(err error) report.State {
	if failure.IsBlocked(err) {
		return report.Blocked
	}
	return report.Failed
}
