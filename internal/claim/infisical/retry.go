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
	// callTimeout bounds all tries of a call with the pauses between them, so that somebody hears soon of a
	// vault that hangs. What the vault itself wants seed to wait is not counted.
	callTimeout = 20 * time.Second
	// maxWait bounds how long a call waits for rate limits, all its tries together. A vault that asks for
	// more gets an error marked with failure.After.
	maxWait = 10 * time.Second
	// longestWait bounds what a vault can ask for.
	longestWait = 10 * time.Minute
)

// call sends a request until it is answered, another try is of no use, or tries or time are used up.
func (s *Session) call(ctx context.Context, r request, out any) error {
	left := callTimeout
	var waited time.Duration
	for tries, failures := 1, 0; ; tries++ {
		started := time.Now()
		err := s.send(ctx, min(tryTimeout, left), r, out)
		left -= time.Since(started)
		if err == nil || ctx.Err() != nil || !again(r, err) {
			return err
		}
		pause := failure.Wait(err)
		if waited += pause; waited > maxWait {
			// At least as long again: each new beginning costs a login.
			return failure.After(fmt.Errorf("%w (the vault wants to be left alone for %s)", err, pause), max(pause, maxWait))
		}
		if pause == 0 {
			failures++
			pause = backOff(failures)
			left -= pause
		}
		if failures == maxTries || left <= 0 {
			return fmt.Errorf("%w (tried %d times)", err, tries)
		}
		if ended := failure.WaitOut(ctx, pause, err); ended != nil {
			return ended
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
