// Package failure sorts errors by what would help: waiting (every plain error), a cure at the vault or
// in Git (Blocked), or a new bundle (Invalid).
package failure

import (
	"context"
	"errors"
	"time"
)

type blocked struct{ error }

func (b blocked) Unwrap() error { return b.error }

type invalid struct{ error }

func (i invalid) Unwrap() error { return i.error }

// Blocked marks an error that trying again at once cannot cure and might make worse (a refused
// credential locks the identity): it is tried again after a long pause. Blocked(nil) is nil.
func Blocked(err error) error {
	if err == nil {
		return nil
	}
	return blocked{err}
}

// Invalid marks an error in seed's own input: only a new inline manifest cures it. Invalid(nil) is nil.
func Invalid(err error) error {
	if err == nil {
		return nil
	}
	return invalid{err}
}

// IsBlocked tells whether err was marked with Blocked.
func IsBlocked(err error) bool {
	_, ok := errors.AsType[blocked](err)
	return ok
}

// IsInvalid tells whether err was marked with Invalid.
func IsInvalid(err error) bool {
	_, ok := errors.AsType[invalid](err)
	return ok
}

type after struct {
	error
	wait time.Duration
}

func (a after) Unwrap() error { return a.error }

// After marks an error that said itself how long to wait before the next try (a rate limit does).
// After(nil, wait) is nil.
func After(err error, wait time.Duration) error {
	if err == nil {
		return nil
	}
	return after{err, wait}
}

// Wait is how long to wait before the next try, as err was marked by After; 0 if it was not.
func Wait(err error) time.Duration {
	marked, _ := errors.AsType[after](err)
	return marked.wait
}

// WaitOut waits for pause and returns nil, or, when ctx ends before, its cause joined with err, which is what was
// being waited out.
func WaitOut(ctx context.Context, pause time.Duration, err error) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), err)
	case <-timer.C:
		return nil
	}
}
