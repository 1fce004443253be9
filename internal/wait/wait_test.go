package wait_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/wait"
	"github.com/tazlab/seed/internal/wait/target"
)

// Hints are a courtesy: an API server that does not answer for them keeps nobody waiting, however many are missing.
func TestTimeoutInSpiteOfHints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wait.Wait{
			Timeout: 10 * time.Minute, Log: slog.New(slog.DiscardHandler),
			Follow: func(ctx context.Context, _ target.Target, report func(target.State)) error {
				report(target.State{Why: "it is not there"})
				<-ctx.Done()
				return nil
			},
			Bringer: func(ctx context.Context, _ *target.Object) string {
				<-ctx.Done()
				return ""
			},
		}
		for _, text := range []string{"secret/a", "secret/b", "secret/c", "secret/d"} {
			parsed, err := target.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			w.Targets = append(w.Targets, parsed)
		}
		outcome := w.Run(t.Context())
		if outcome.Kind != wait.TimedOut || outcome.Took < w.Timeout || outcome.Took > w.Timeout+3*time.Second {
			t.Errorf("%s after %s: %s", outcome.Kind, outcome.Took, outcome.Message)
		}
	})
}
