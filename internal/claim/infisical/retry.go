package infisical

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/tazlab/seed/internal/failure"
)

const (
	// maxTries bounds how often a call is sent when the vault or the way to it fails.
	maxTries = 3
	// firstPause is the pause after the first such failure; it doubles, and each is shortened by up to half.
	firstPause = 2 * time.Second
	// maxWait bounds how long a call waits for rate limits, all its tries together. A vault that asks for
	// more gets an error marked with failure.After.
	maxWait = time.Minute
	// longestWait bounds what a vault can ask for.
	longestWait = 10 * time.Minute
)

// call sends a request until it is answered, another try is of no use, or the tries are used up.
func (s *Session) call(ctx context.Context, r request, out any) error {
	var waited time.Duration
	for failures := 0; ; {
		err := s.send(ctx, r, out)
		if err == nil || ctx.Err() != nil || !again(r, err) {
			return err
		}
		pause := failure.Wait(err)
		if waited += pause; waited > maxWait {
			return fmt.Errorf("%w (the vault wants to be left alone for %s)", err, pause)
		}
		if pause == 0 {
			if failures++; failures == maxTries {
				return fmt.Errorf("%w (tried %d times)", err, maxTries)
			}
			pause = backOff(failures)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(context.Cause(ctx), err)
		case <-timer.C:
		}
	}
}

// backOff is the pause after the given number of failures: doubling, and shortened by chance, so that many
// do not come back together.
func backOff(failures int) time.Duration {
	pause := firstPause << (failures - 1)
	return pause/2 + rand.N(pause/2) //nolint:gosec // jitter needs no secure randomness
}

// again tells whether sending the request once more may help and does no harm. A certificate does not get
// better in seconds. A login that the vault may have judged is never repeated here: three bad ones lock
// the identity, and a client secret may be good for a single one.
func again(r request, err error) bool {
	if failure.IsBlocked(err) {
		return false
	}
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.Status == http.StatusTooManyRequests || !r.once
	}
	if failure.Certificate(err) {
		return false
	}
	op, ok := errors.AsType[*net.OpError](err)
	return !r.once || ok && op.Op == "dial"
}
