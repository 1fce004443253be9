package wait

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/wait/target"
)

// answers is a probe that keeps when it was asked, and answers as the test says.
type answers struct {
	mu     sync.Mutex
	asked  []time.Time
	err    error
	states []target.State // reported
}

func (a *answers) Probe(context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, time.Now())
	return "it answers", a.err
}

func (a *answers) report(s target.State) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states = append(a.states, s)
}

// during lets time pass, and returns the pauses between the questions in it and the last state.
func (a *answers) during(d time.Duration) ([]time.Duration, target.State) {
	a.mu.Lock()
	a.asked = nil
	a.mu.Unlock()
	time.Sleep(d) // of the bubble, where it takes none
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []time.Duration
	for i := 1; i < len(a.asked); i++ {
		all = append(all, a.asked[i].Sub(a.asked[i-1]))
	}
	return all, a.states[len(a.states)-1]
}

func (a *answers) now(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

var endpoint = &target.Endpoint{URL: &url.URL{Scheme: "tcp", Host: "db:1"}}

func TestPausesOfProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &answers{err: errors.New("no answer")}
		ended := make(chan error)
		go func() { ended <- follow(ctx, endpoint, p, p.report) }()
		pauses, state := p.during(time.Minute)
		if len(pauses) < 20 || pauses[0] > 400*time.Millisecond || slices.Min(pauses) < 250*time.Millisecond || slices.Max(pauses) < 2*time.Second || slices.Max(pauses) > 2600*time.Millisecond {
			t.Errorf("the pauses do not grow from 250 ms to 2 s: %v", pauses)
		}
		if state.Met || state.Why != "no answer" {
			t.Errorf("the state is %+v", state)
		}
		p.now(nil)
		p.during(3 * time.Second)
		pauses, state = p.during(time.Minute)
		if len(pauses) < 5 || slices.Min(pauses) != again || slices.Max(pauses) != again {
			t.Errorf("the pauses while it is met: %v", pauses)
		}
		if !state.Met || state.Why != "it answers" {
			t.Errorf("the state is %+v", state)
		}
		p.now(errors.New("gone"))
		pauses, state = p.during(again + 400*time.Millisecond)
		if len(pauses) == 0 || pauses[0] > 400*time.Millisecond || state.Met {
			t.Errorf("the pauses do not begin anew: %v, the state is %+v", pauses, state)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestUnusableEndsProbing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := follow(t.Context(), endpoint, &answers{err: target.Unusable(errors.New("bad"))}, func(s target.State) { t.Errorf("reported %+v", s) })
		if !target.IsUnusable(err) {
			t.Errorf("it ended with %v", err)
		}
	})
}

// gate is what work depends on, and what came of both.
type gate struct {
	states chan any // target.State, or an error to end with
	// begun and ended count the work.
	begun, ended int
	broken       chan error // what the work ends with
	lacking      []target.State
	result       chan error
}

func newGate(ctx context.Context, t *testing.T) *gate {
	t.Helper()
	g := &gate{states: make(chan any), broken: make(chan error), result: make(chan error, 1)}
	needed := func(ctx context.Context, report func(target.State)) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case said := <-g.states:
				if err, is := said.(error); is {
					return err
				}
				report(said.(target.State))
			}
		}
	}
	work := func(ctx context.Context) error {
		g.begun++
		defer func() { g.ended++ }()
		select {
		case <-ctx.Done():
			time.Sleep(time.Millisecond) // of the bubble: a probe does not end at once
			return nil
		case err := <-g.broken:
			return err
		}
	}
	go func() {
		g.result <- whileMet(ctx, needed, work, func(s target.State) { g.lacking = append(g.lacking, s) })
	}()
	return g
}

// say tells of the gate, and how often the work must have begun and ended then.
func (g *gate) say(t *testing.T, said any, begun, ended int) {
	t.Helper()
	g.states <- said
	time.Sleep(time.Second) // of the bubble
	synctest.Wait()
	if g.begun != begun || g.ended != ended {
		t.Fatalf("after %+v the work has begun %d times and ended %d times, not %d and %d", said, g.begun, g.ended, begun, ended)
	}
}

func TestWorkGoesOnWhileWhatItNeedsIsMet(t *testing.T) {
	t.Parallel()
	met, unmet := target.State{Met: true}, target.State{Why: "gone", Unknown: true}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := newGate(ctx, t)
		g.say(t, unmet, 0, 0)
		g.say(t, met, 1, 0)
		g.say(t, met, 1, 0)
		g.say(t, unmet, 1, 1)
		g.say(t, met, 2, 1)
		if !slices.Equal(g.lacking, []target.State{unmet, unmet}) {
			t.Errorf("reported %+v", g.lacking)
		}
		cancel()
		if err := <-g.result; err != nil || g.ended != 2 {
			t.Errorf("ended with %v, the work %d times", err, g.ended)
		}
	})
	bad := errors.New("bad")
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t.Context(), t)
		g.say(t, met, 1, 0)
		g.broken <- bad
		if err := <-g.result; !errors.Is(err, bad) {
			t.Errorf("the work's error ended it with %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t.Context(), t)
		g.say(t, met, 1, 0)
		g.say(t, bad, 1, 1)
		if err := <-g.result; !errors.Is(err, bad) {
			t.Errorf("what it needs ended it with %v", err)
		}
	})
}
