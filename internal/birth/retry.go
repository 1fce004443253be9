package birth

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

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
)

// Pause waits after the failed try number try (from 0) for as long as its error err asks for. It returns
// err at once if it is failure.Invalid, and joined with the cause when ctx ends.
func Pause(ctx context.Context, try int, err error) error {
	if failure.IsInvalid(err) {
		return err
	}
	timer := time.NewTimer(pauseAfter(try, err))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), err)
	case <-timer.C:
		return nil
	}
}

func pauseAfter(try int, err error) time.Duration {
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
	if b.Pause != nil {
		return b.Pause(ctx, try, err)
	}
	return Pause(ctx, try, err)
}

// failed is the state of a step that ended with err.
func failed(err error) report.State {
	if failure.IsBlocked(err) {
		return report.Blocked
	}
	return report.Failed
}
