package birth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/report"
)

const (
	// firstPause and longestPause bound the doubling pause after an error that waiting may cure.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// blockedPause is the pause after an error that needs a cure from outside; Infisical's lock-out, which
	// a shorter one would prolong, lasts five minutes.
	blockedPause = 10 * time.Minute
	// leastBlocked is the least time from one changed input to the next that is tried: three bad logins within
	// 30 s lock an identity.
	leastBlocked = 15 * time.Second
)

// Pause waits after the failed try number try (from 0) for as long as its error err asks for. It returns
// err at once if it is failure.Invalid, and joined with the cause when ctx ends.
func Pause(ctx context.Context, try int, err error) error {
	if failure.IsInvalid(err) {
		return err
	}
	return sleep(ctx, pauseAfter(try, err), err)
}

// sleep waits; err is what is waited out.
func sleep(ctx context.Context, pause time.Duration, err error) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), err)
	case <-timer.C:
		return nil
	}
}

func pauseAfter(try int, err error) time.Duration {
	if wait := failure.Wait(err); wait > 0 {
		return min(wait, blockedPause)
	}
	if failure.IsBlocked(err) {
		return blockedPause
	}
	pause := longestPause
	if try < 5 { // 1 s << 5 is beyond the longest
		pause = firstPause << try
	}
	return pause/2 + rand.N(pause/2) //nolint:gosec // jitter needs no secure randomness
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
		if err.Error() != b.told { // an Event a change, not an Event a try
			b.told = err.Error()
			b.Event(ctx, reason, b.told)
		}
	}
	switch {
	case b.Pause != nil:
		return b.Pause(ctx, try, err)
	case failure.IsBlocked(err) && b.inputs != nil:
		return b.untilChanged(ctx, err)
	}
	return Pause(ctx, try, err)
}

// untilChanged waits out a blocked error: until something that the try read in the cluster is changed, or for
// as long as Pause would, since the cure may lie at the vault or in Git.
func (b *Birth) untilChanged(ctx context.Context, err error) error {
	if b.Config.Name != "" { // the bundle is an input, too, but was read from a file
		_ = b.inputs.Get(ctx, b.Config, &corev1.ConfigMap{}) // to be watched it need not be there
	}
	if err := sleep(ctx, time.Until(b.woken.Add(leastBlocked)), err); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, blockedPause)
	defer cancel()
	input, watchErr := b.inputs.Changed(wait)
	b.woken = time.Now()
	switch {
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), err)
	case watchErr != nil: // the time is up
		return nil
	case input.NamespacedName == b.Config && input.Kind == "ConfigMap":
		return fmt.Errorf("the %s has changed: ending, so that the next Pod starts with it; until then: %w", input, err)
	}
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
