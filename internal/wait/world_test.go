package wait_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/wait"
	"github.com/tazlab/seed/internal/wait/target"
)

// world is a waiting whose targets do what the test says, in the time of a synctest bubble.
type world struct {
	t       *testing.T
	cancel  context.CancelCauseFunc
	follow  map[string]chan any // by the target's text: a target.State to report or an error to end with
	outcome wait.Outcome        // set by ends

	mu     sync.Mutex
	over   *wait.Outcome // nil while it waits
	log    []string
	events []string
}

var errEnded = errors.New("SIGTERM")

// begin starts a waiting for the targets, and returns when all are followed. The world keeps the Events that w.Event, if it
// is set, has nothing against.
func begin(t *testing.T, w wait.Wait, targets ...string) *world {
	t.Helper()
	all := &world{t: t, follow: map[string]chan any{}}
	for _, text := range targets {
		w.Targets = append(w.Targets, parse(t, text))
	}
	for _, one := range slices.Concat(w.Targets, w.FailIf) {
		all.follow[one.Text] = make(chan any)
	}
	w.Log = slog.New(lines{world: all})
	w.Follow = func(ctx context.Context, t target.Target, report func(target.State)) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case said := <-all.follow[t.Text]:
				switch said := said.(type) {
				case nil: // a closed channel
					return nil
				case error:
					return said
				case target.State:
					report(said)
				}
			}
		}
	}
	refuse := w.Event
	w.Event = func(ctx context.Context, kind, reason, message string) error {
		if refuse != nil {
			if err := refuse(ctx, kind, reason, message); err != nil {
				return err
			}
		}
		return all.event(kind, reason, message)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	all.cancel = cancel
	go func() {
		outcome := w.Run(ctx)
		all.mu.Lock()
		defer all.mu.Unlock()
		all.over = &outcome
	}()
	synctest.Wait()
	return all
}

func parse(t *testing.T, text string) target.Target {
	t.Helper()
	parsed, err := target.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// say lets a target have a state or its following end with an error.
func (w *world) say(text string, said any) {
	w.t.Helper()
	select {
	case w.follow[text] <- said:
	case <-time.After(time.Second):
		w.t.Fatalf("%s is not followed", text)
	}
	synctest.Wait()
}

func (w *world) met(text string) {
	w.t.Helper()
	w.say(text, target.State{Met: true, Why: "it is there"})
}
func (w *world) unmet(text string) { w.t.Helper(); w.say(text, target.State{Why: "it is not there"}) }

// waits fails the test if the waiting is over.
func (w *world) waits() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over != nil {
		w.t.Fatalf("it ended: %+v", *w.over)
	}
}

// ends fails the test if the waiting is not over, in this way and with a message that holds all texts.
func (w *world) ends(kind wait.Kind, texts ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.over == nil:
		w.t.Fatal("it waits, and should have ended")
	case w.over.Kind != kind || !holds(w.over.Message, texts):
		w.t.Fatalf("it ended with %q: %s\nnot with %q and %q", w.over.Kind, w.over.Message, kind, texts)
	}
	w.outcome = *w.over
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // of the bubble, where it takes none
	synctest.Wait()
}

// said counts the lines of the log, or the Events, that hold all texts.
func (w *world) said(in *[]string, texts ...string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := 0
	for _, line := range *in {
		if holds(line, texts) {
			count++
		}
	}
	return count
}

// told are the Events.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

func (w *world) event(kind, reason, message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, kind+" "+reason+" "+message)
	return nil
}

func holds(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// lines keeps a log as lines "LEVEL message".
type lines struct {
	slog.Handler
	world *world
}

func (lines) Enabled(context.Context, slog.Level) bool { return true }

func (l lines) Handle(_ context.Context, r slog.Record) error {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	l.world.log = append(l.world.log, fmt.Sprintf("%s %s", r.Level, r.Message))
	return nil
}
