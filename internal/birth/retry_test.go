package birth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/failure"
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
		"refused credential":     {0, failure.Blocked(plain), 10 * time.Minute, 10 * time.Minute, nil},
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
