package wait_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/internal/wait"
	"github.com/tazlab/seed/internal/wait/kube"
	"github.com/tazlab/seed/internal/wait/target"
)

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{Bringer: func(_ context.Context, o *target.Object) string { return o.Name + " is brought by nobody" }}, a, b, c)
		w.met(b)
		w.unmet(c)
		w.pass(29 * time.Second)
		if n := w.said(&w.log, "still waiting"); n != 0 {
			t.Errorf("%d heartbeats in half a minute", n)
		}
		w.pass(2 * time.Second)
		w.pass(30 * time.Second)
		for _, after := range []string{"30s", "1m0s"} {
			if w.said(&w.log, "INFO still waiting after "+after+" for secret/a: no answer yet (a is brought by nobody); tcp://c:1: it is not there") != 1 {
				t.Errorf("no heartbeat after %s: %q", after, w.log)
			}
		}
		if w.said(&w.log, "still waiting", b) != 0 {
			t.Errorf("a heartbeat names what is met: %q", w.log)
		}
		w.cancel(nil)
		synctest.Wait()
	})
}

// A line for each change, and none for the same again.
func TestChangesAreSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{}, a, b)
		for range 3 {
			w.unmet(a)
		}
		w.say(a, target.State{Why: "it has no key"})
		w.met(a)
		w.met(a)
		for _, line := range []string{"INFO waiting for secret/a: it is not there", "INFO waiting for secret/a: it has no key", "INFO met: secret/a: it is there"} {
			if w.said(&w.log, line) != 1 {
				t.Errorf("%q was not said once: %q", line, w.log)
			}
		}
		if len(w.log) != 3 {
			t.Errorf("%d lines, not 3: %q", len(w.log), w.log)
		}
		w.cancel(nil)
		synctest.Wait()
	})
}

func TestStuckHintIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{}, a)
		w.pass(10*time.Minute - time.Second)
		if w.said(&w.log, "neither will ever come") != 0 {
			t.Errorf("the hint came too early: %q", w.log)
		}
		w.pass(time.Hour)
		if n := w.said(&w.log, "WARN if what is missing comes with the same Helm release", "neither will ever come"); n != 1 {
			t.Errorf("the hint was said %d times", n)
		}
		w.cancel(nil)
		synctest.Wait()
	})
}

// The first Event comes when all targets are known, further ones soon after a change, but ten seconds apart.
func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{}, a, b)
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if got := strings.Join(w.told(), "\n"); got != strings.Join(want, "\n") {
				t.Fatalf("the Events are\n%s\nnot\n%s", got, strings.Join(want, "\n"))
			}
		}
		w.unmet(a)
		expect()
		w.unmet(b)
		first := "Normal Waiting waiting for secret/a: it is not there; secret/b: it is not there"
		expect(first)
		w.pass(5 * time.Minute)
		expect(first) // nothing new
		w.met(b)
		w.say(a, target.State{Why: "it has no key"})
		expect(first) // not yet
		w.pass(11 * time.Second)
		second := "Normal Waiting waiting for secret/a: it has no key"
		expect(first, second)
		for range 8 { // up and down
			w.say(a, target.State{Why: "it has no value"})
			w.pass(time.Second)
			w.say(a, target.State{Why: "it has no key"})
		}
		expect(first, second)
		w.say(a, target.State{Why: "it has no value"})
		w.pass(3 * time.Second)
		third := "Normal Waiting waiting for secret/a: it has no value"
		expect(first, second, third)
		w.met(a)
		w.ends(wait.Met)
		expect(first, second, third, "Normal Met "+w.outcome.Message)
	})
}

// Nobody needs to hear of what did not have to wait.
func TestNoEventsIfAllIsMetAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{}, a, b)
		w.met(a)
		w.met(b)
		w.ends(wait.Met)
		if len(w.told()) > 0 {
			t.Errorf("the Events are %q", w.told())
		}
	})
}

func TestEventsOfFailures(t *testing.T) {
	t.Parallel()
	for reason, said := range map[string]any{
		"Failed":   target.State{Failed: true, Why: "the Job has failed"},
		"Refused":  kube.Refused{Why: "forbidden"},
		"Unusable": target.Unusable(errors.New("bad field")),
		"Error":    errors.New("out of luck"),
		"TimedOut": nil,
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, wait.Wait{Timeout: time.Second}, a)
				if said == nil {
					w.pass(time.Second)
				} else {
					w.say(a, said)
				}
				w.ends(wait.Kind(reason))
				if w.said(&w.events, "Warning "+reason+" "+w.outcome.Message) != 1 || len(w.told()) != 1 {
					t.Errorf("the Events are %q", w.told())
				}
			})
		})
	}
}

// A refusal is the last try; what failed otherwise is tried with the next heartbeat.
func TestEventsThatFail(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "", errors.New("no right"))
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var tried atomic.Int32
			w := begin(t, wait.Wait{Event: func(context.Context, string, string, string) error {
				tried.Add(1)
				return fmt.Errorf("writing: %w", forbidden)
			}}, a)
			w.unmet(a)
			w.say(a, target.State{Why: "it has no key"})
			w.pass(time.Hour)
			w.say(a, errors.New("out of luck"))
			if n := w.said(&w.log, "WARN no more Events: writing: events is forbidden"); tried.Load() != 1 || n != 1 {
				t.Errorf("tried %d times, said %d times: %q", tried.Load(), n, w.log)
			}
		})
	})
	t.Run("away", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var tried atomic.Int32
			w := begin(t, wait.Wait{Event: func(context.Context, string, string, string) error {
				if tried.Add(1) < 4 {
					return errors.New("connection refused")
				}
				return nil
			}}, a)
			w.unmet(a)
			w.pass(2 * time.Minute)
			if n := w.said(&w.log, "WARN no Event yet: connection refused"); n != 1 || len(w.told()) != 1 {
				t.Errorf("said %d times: %q; the Events are %q", n, w.log, w.told())
			}
			w.cancel(nil)
			synctest.Wait()
		})
	})
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var writing atomic.Int32
			w := begin(t, wait.Wait{Event: func(ctx context.Context, _, _, _ string) error {
				if writing.Add(1) > 1 {
					t.Error("two Events are written at a time")
				}
				time.Sleep(time.Second) // of the bubble
				writing.Add(-1)
				return ctx.Err()
			}}, a)
			w.unmet(a)
			w.say(a, errors.New("out of luck"))
			w.waits()
			w.pass(2 * time.Second)
			w.ends(wait.Broken)
		})
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, wait.Wait{Event: func(ctx context.Context, _, _, _ string) error { <-ctx.Done(); return ctx.Err() }}, a)
			w.unmet(a)
			w.pass(time.Minute)
			w.met(a)
			w.ends(wait.Met)
			w = begin(t, wait.Wait{Event: func(ctx context.Context, _, _, _ string) error { <-ctx.Done(); return ctx.Err() }}, a)
			w.say(a, errors.New("out of luck"))
			w.pass(5 * time.Second)
			w.ends(wait.Broken)
		})
	})
}
