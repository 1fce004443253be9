package wait_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/wait"
	"github.com/tazlab/seed/internal/wait/kube"
	"github.com/tazlab/seed/internal/wait/target"
)

const a, b, c = "secret/a", "secret/b", "tcp://c:1"

func TestAllMustBeMet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{}, a, b, c)
		w.met(b)
		w.met(a)
		w.waits()
		w.pass(time.Hour)
		w.met(c)
		w.ends(wait.Met, "met after 1h0m0s", "secret/a: it is there", "secret/b: it is there", "tcp://c:1: it is there")
	})
}

// What was met and is no more does not count.
func TestLevelNotLatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{}, a, b)
		w.met(a)
		w.unmet(a)
		w.met(b)
		w.waits()
		if w.said(&w.log, "not met any more: secret/a: it is not there") != 1 {
			t.Errorf("the log does not tell that it is gone: %q", w.log)
		}
		w.met(a)
		w.ends(wait.Met)
	})
}

// What was met counts no more while nobody can be asked.
func TestMetThenUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{}, a, b)
		w.met(a)
		w.say(a, target.State{Unknown: true, Why: "the API server cannot be asked"})
		w.met(b)
		w.waits()
		w.met(a)
		w.ends(wait.Met)
	})
}

func TestAny(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{Any: true}, a, b, c)
		w.unmet(a)
		w.waits()
		w.met(b)
		w.ends(wait.Met, "secret/b: it is there")
		if holds(w.outcome.Message, []string{"secret/a"}) {
			t.Errorf("the message names what was not met: %s", w.outcome.Message)
		}
	})
}

func TestFailIf(t *testing.T) {
	t.Parallel()
	const guard = "job/restore#condition=Failed"
	guarded := func(t *testing.T, anyOne bool) *world {
		t.Helper()
		return begin(t, wait.Wait{Any: anyOne, FailIf: []target.Target{parse(t, guard)}}, a)
	}
	t.Run("met", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := guarded(t, false)
			w.unmet(guard)
			w.unmet(a)
			w.met(guard)
			w.ends(wait.Failed, "--fail-if job/restore#condition=Failed is met: it is there")
		})
	})
	for _, anyOne := range []bool{false, true} {
		t.Run(fmt.Sprintf("not looked at, any=%t", anyOne), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := guarded(t, anyOne)
				w.met(a)
				w.waits()
				w.pass(time.Minute)
				if w.said(&w.log, "still waiting after 30s for --fail-if job/restore#condition=Failed: no answer yet") != 1 {
					t.Errorf("the heartbeat does not say for what: %q", w.log)
				}
				w.unmet(guard)
				w.ends(wait.Met, "secret/a: it is there")
			})
		})
	}
	t.Run("the API server is away", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := guarded(t, false)
			w.say(guard, target.State{Unknown: true, Why: "the API server cannot be asked"})
			w.met(a)
			w.waits()
			w.met(guard)
			w.ends(wait.Failed)
		})
	})
	t.Run("known, then the API server is away", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := guarded(t, false)
			w.unmet(guard)
			w.say(guard, target.State{Unknown: true, Why: "the API server cannot be asked"})
			w.met(a)
			w.waits()
			w.unmet(guard)
			w.ends(wait.Met)
		})
	})
	t.Run("can never be met", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := guarded(t, false)
			w.say(guard, target.State{Failed: true, Why: "the Job has failed"})
			w.waits()
			w.met(a)
			w.ends(wait.Met)
		})
	})
	t.Run("cannot be followed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := guarded(t, true)
			w.say(guard, kube.Refused{Why: "forbidden", Role: "ROLE"})
			w.ends(wait.Refused, "--fail-if job/restore#condition=Failed: forbidden")
		})
	})
}

func TestEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		said any
		kind wait.Kind
		text string
	}{
		"refused":  {fmt.Errorf("asking: %w", kube.Refused{Why: "forbidden", Role: "ROLE"}), wait.Refused, "secret/b: forbidden"},
		"unusable": {fmt.Errorf("asking: %w", target.Unusable(errors.New("bad field"))), wait.Unusable, "secret/b: asking: bad field"},
		"failed":   {target.State{Failed: true, Why: "the Job has failed"}, wait.Failed, "secret/b has failed for good: the Job has failed"},
		"broken":   {errors.New("out of luck"), wait.Broken, "secret/b: out of luck"},
		"silent":   {error(nil), wait.Broken, "secret/b: following it ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, wait.Wait{Follow: nil}, a, b)
				w.met(a)
				if end.said == nil {
					close(w.follow[b])
					synctest.Wait()
				} else {
					w.say(b, end.said)
				}
				w.ends(end.kind, end.text)
				if role := w.outcome.Role; (role == "ROLE") != (end.kind == wait.Refused) {
					t.Errorf("the outcome's Role is %q", role)
				}
			})
		})
	}
}

// With Any a target that is lost leaves the others, unless it is a mistake.
func TestAnyWithSomeLost(t *testing.T) {
	t.Parallel()
	failed := target.State{Failed: true, Why: "the Job has failed"}
	refused := kube.Refused{Why: "forbidden", Role: "ROLE"}
	t.Run("one is left", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, wait.Wait{Any: true}, a, b, c)
			w.say(a, refused)
			w.say(b, failed)
			w.waits()
			if w.said(&w.log, "WARN given up: secret/a: forbidden") != 1 || w.said(&w.log, "WARN given up: secret/b: the Job has failed") != 1 {
				t.Errorf("the log does not tell what is given up: %q", w.log)
			}
			w.met(c)
			w.ends(wait.Met, "tcp://c:1")
		})
	})
	for name, order := range map[string][]any{"refused last": {failed, refused}, "failed last": {refused, failed}} {
		t.Run("none is left, "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, wait.Wait{Any: true}, a, b)
				w.say(a, order[0])
				w.say(b, order[1])
				w.ends(wait.Refused, "secret/a", "secret/b", "has failed for good: the Job has failed", ": forbidden")
				if w.outcome.Role != "ROLE" {
					t.Errorf("the outcome's Role is %q", w.outcome.Role)
				}
			})
		})
	}
	t.Run("all are refused", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, wait.Wait{Any: true}, a, b)
			w.say(a, refused)
			w.say(b, kube.Refused{Why: "forbidden too", Role: "SECOND"})
			w.ends(wait.Refused, "secret/a: forbidden; secret/b: forbidden too")
			if w.outcome.Role != "ROLE---\nSECOND" {
				t.Errorf("the outcome's Role is %q", w.outcome.Role)
			}
		})
	})
	t.Run("a mistake", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, wait.Wait{Any: true}, a, b)
			w.say(a, target.Unusable(errors.New("bad field")))
			w.ends(wait.Unusable, "secret/a: bad field")
		})
	})
}

// The budget is for all of it, whatever the targets do meanwhile.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bringer := func(_ context.Context, o *target.Object) string {
			return "the ExternalSecret of " + o.Name + " is not ready"
		}
		w := begin(t, wait.Wait{Timeout: time.Minute, Bringer: bringer}, a, b)
		for range 59 {
			w.pass(time.Second)
			w.met(a)
			w.unmet(a)
			w.waits()
		}
		w.met(b)
		w.pass(time.Second)
		w.ends(wait.TimedOut, "timed out after 1m0s, waiting for secret/a: it is not there (the ExternalSecret of a is not ready)")
		if holds(w.outcome.Message, []string{b}) {
			t.Errorf("the message names what is met: %s", w.outcome.Message)
		}
	})
}

// One that hangs ends with its context, and costs seconds when nobody ends it.
func hang(ctx context.Context, _ *target.Object) string {
	<-ctx.Done()
	return ""
}

func TestTimeoutWhileBringersHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, wait.Wait{Timeout: time.Minute, Bringer: hang}, a, b, "secret/d", "secret/e")
		w.pass(time.Minute + 2*time.Second)
		w.ends(wait.TimedOut, "secret/a: no answer yet; secret/b: no answer yet")
	})
}

func TestSignal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before time.Duration
		kind   wait.Kind
		text   string
	}{
		"before the first answer": {0, wait.Interrupted, "ended by SIGTERM"},
		"while a bringer hangs":   {31 * time.Second, wait.Interrupted, "ended by SIGTERM"},
		"while it times out":      {time.Minute + time.Second, wait.TimedOut, "timed out after 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, wait.Wait{Timeout: time.Minute, Bringer: hang}, a, b)
				w.pass(c.before)
				w.waits()
				before := len(w.told())
				w.cancel(errEnded)
				synctest.Wait()
				w.ends(c.kind, c.text+", waiting for secret/a: no answer yet; secret/b: no answer yet")
				if (c.kind == wait.Interrupted) != errors.Is(w.outcome.Cause, errEnded) {
					t.Errorf("the cause is %v", w.outcome.Cause)
				}
				if len(w.told()) > before {
					t.Errorf("a Pod that ends says %q", w.told())
				}
			})
		})
	}
}
