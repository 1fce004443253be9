package birth

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/report"
)

func TestPauseDependsOnTheError(t *testing.T) {
	t.Parallel()
	plain := errors.New("connection refused")
	for name, test := range map[string]struct {
		try         int
		err         error
		least, most time.Duration
		want        error
	}{
		"first try":              {0, plain, 500 * time.Millisecond, time.Second, nil},
		"fourth try":             {3, plain, 4 * time.Second, 8 * time.Second, nil},
		"many tries":             {1000, plain, 15 * time.Second, 30 * time.Second, nil},
		"blocked":                {0, failure.Blocked(plain), 30 * time.Second, 30 * time.Second, nil},
		"blocked, third in row":  {2, failure.Blocked(plain), 2 * time.Minute, 2 * time.Minute, nil},
		"blocked for long":       {1000, failure.Blocked(plain), 10 * time.Minute, 10 * time.Minute, nil},
		"blocked, says how long": {0, failure.After(failure.Blocked(plain), 10*time.Minute), 10 * time.Minute, 10 * time.Minute, nil},
		"invalid bundle":         {0, failure.Invalid(plain), 0, 0, plain},
		"invalid, deeper inside": {0, errors.Join(failure.Invalid(plain)), 0, 0, plain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := Pause(t.Context(), test.try, test.err)
				if !errors.Is(err, test.want) {
					t.Errorf("Pause = %v, want %v", err, test.want)
				}
				if took := time.Since(start); took < test.least || took > test.most {
					t.Errorf("it paused %s, want %s to %s", took, test.least, test.most)
				}
			})
		})
	}
}

// Each blocked try in a row doubles the pause, whether or not inputs can be watched; any other error ends the row.
func TestBlockedTriesInARow(t *testing.T) {
	t.Parallel()
	refused, lost := failure.Blocked(errors.New("not registered")), errors.New("connection refused")
	for name, inputs := range map[string]*cluster.Inputs{"not watched": nil, "watched": cluster.NewInputs(nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &Birth{Log: slog.New(slog.DiscardHandler), Event: func(context.Context, string, string) {}, Report: &report.Report{}, inputs: inputs}
				for try, test := range []struct {
					err  error
					want time.Duration
				}{
					{refused, 30 * time.Second}, {refused, time.Minute}, {refused, 2 * time.Minute}, {refused, 4 * time.Minute},
					{refused, 8 * time.Minute}, {refused, 10 * time.Minute}, {refused, 10 * time.Minute}, {lost, 0}, {refused, 30 * time.Second},
				} {
					start := time.Now()
					if err := b.pause(t.Context(), try, test.err); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(start); test.want > 0 && took != test.want {
						t.Errorf("try %d: it paused %s, want %s", try, took, test.want)
					}
				}
				if !b.woken.IsZero() { // a change soon after would not be taken up at once
					t.Error("the end of a pause counts as a changed input")
				}
			})
		})
	}
}

// Soon after a changed input the pause is the one that a lock-out asks for, which is longer than the first.
func TestBlockedAfterAChangedInput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &Birth{Log: slog.New(slog.DiscardHandler), Event: func(context.Context, string, string) {}, Report: &report.Report{}, inputs: cluster.NewInputs(nil), woken: time.Now()}
		start := time.Now()
		if err := b.pause(t.Context(), 0, failure.Blocked(errors.New("refused"))); err != nil || time.Since(start) != leastBlocked {
			t.Errorf("pause = %v after %s, want nil after %s", err, time.Since(start), leastBlocked)
		}
	})
}

// SIGTERM ends any pause at once, and says what was being waited out.
func TestPauseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start, why := time.Now(), errors.New("locked out")
		err := Pause(ctx, 0, failure.Blocked(why))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, why) || time.Since(start) != time.Second {
			t.Errorf("Pause = %v after %s", err, time.Since(start))
		}
	})
}
