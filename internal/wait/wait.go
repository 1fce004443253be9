// Package wait waits for all of its targets at once, or for the first one, and says how that ended.
package wait

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tazlab/seed/internal/wait/target"
)

// heartbeat is after what time a line says what is still missing although nothing changed.
const heartbeat = 30 * time.Second

// Wait is what to wait for.
type Wait struct {
	Targets []target.Target
	// FailIf ends the waiting with Failed when one of them is met.
	FailIf []target.Target
	// Any ends the waiting with the first of Targets that is met; else all must be met at the same time.
	Any bool
	// Timeout is the budget for all of it; 0: none.
	Timeout time.Duration
	// Follow reports the states of a target until its context ends. It returns an error when it cannot go on.
	Follow func(ctx context.Context, t target.Target, report func(target.State)) error
	// Bringer says how the object does that should bring another one; "" if that is not known. May be nil.
	Bringer func(context.Context, *target.Object) string
	// Event tells whoever looks at the Pod. May be nil.
	Event func(ctx context.Context, kind, reason, message string) error
	Log   *slog.Logger
}

// followed is a target and what is known of it.
type followed struct {
	target.Target
	target.State
	guard bool  // one of FailIf
	known bool  // a state was reported
	dead  error // why it is not followed any more
}

// open tells whether it is a guard of which nothing is known.
func (f *followed) open() bool { return f.guard && (!f.known || f.Unknown) }

// name is what people know it by.
func (f *followed) name() string {
	if f.guard {
		return "--fail-if " + f.Text
	}
	return f.Text
}

// update is a new state of a target, or the end of following it.
type update struct {
	at    *followed
	state target.State
	err   error
	taken chan struct{} // closed when the waiting goes on after it
}

// Run waits. When ctx ends, the outcome is Interrupted with ctx's cause.
func (w *Wait) Run(ctx context.Context) Outcome {
	r := &run{Wait: w, started: time.Now()}
	for _, t := range w.Targets {
		r.all = append(r.all, &followed{Target: t})
	}
	for _, t := range w.FailIf {
		r.all = append(r.all, &followed{Target: t, guard: true})
	}
	outcome := r.run(ctx)
	if outcome.Kind == TimedOut { // nobody follows or speaks any more
		outcome.Message += describe(r.lacking(), r.bringers(ctx, r.lacking()))
	}
	r.conclude(ctx, outcome)
	return outcome
}

// run is one waiting.
type run struct {
	*Wait
	started time.Time
	all     []*followed
	voice   voice
}

func (r *run) run(parent context.Context) Outcome {
	ctx, cancel := context.WithCancel(parent)
	var followers sync.WaitGroup
	defer r.voice.speakers.Wait()
	defer followers.Wait()
	defer cancel()
	updates := make(chan update)
	for _, f := range r.all {
		followers.Go(func() { r.follow(ctx, f, updates) })
	}
	var timeout <-chan time.Time
	if r.Timeout > 0 {
		timer := time.NewTimer(r.Timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			cause := context.Cause(parent)
			return Outcome{Kind: Interrupted, Cause: cause, Message: fmt.Sprintf("ended by %v, waiting for %s", cause, describe(r.lacking(), nil))}
		case <-timeout:
			return Outcome{Kind: TimedOut, Message: fmt.Sprintf("timed out after %s, waiting for ", r.Timeout)}
		case <-beat.C:
			r.speak(ctx, true)
		case <-r.voice.news:
			r.speak(ctx, false)
		case u := <-updates:
			if outcome, over := r.take(ctx, u); over {
				return outcome
			}
			close(u.taken)
		}
	}
}

func (r *run) follow(ctx context.Context, f *followed, updates chan<- update) {
	// Until it is clear that the waiting goes on, there is nothing to ask for.
	send := func(u update) {
		u.taken = make(chan struct{})
		select {
		case updates <- u:
			select {
			case <-u.taken:
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
	}
	err := r.Follow(ctx, f.Target, func(s target.State) { send(update{at: f, state: s}) })
	if err == nil && ctx.Err() == nil {
		err = errors.New("following it ended: a fault in waitfor")
	}
	if err != nil {
		send(update{at: f, err: err})
	}
}

// take takes an update over and tells whether it ends the waiting.
func (r *run) take(ctx context.Context, u update) (Outcome, bool) {
	f := u.at
	if u.err != nil {
		return r.lose(f, u.err)
	}
	changed := r.change(f, u.state)
	if f.guard && f.Met {
		return Outcome{Kind: Failed, Message: f.name() + " is met: " + f.Why}, true
	}
	if f.Failed && !f.guard {
		return r.lose(f, failed{f.Why})
	}
	if r.met() {
		return Outcome{Kind: Met, Message: r.found()}, true
	}
	r.show(ctx, changed)
	return Outcome{}, false
}

// lose gives a target up. With Any the others may still be met.
func (r *run) lose(f *followed, err error) (Outcome, bool) {
	f.State, f.dead, f.known = target.State{Why: err.Error()}, err, true
	switch {
	case !r.Any, f.guard, target.IsUnusable(err):
		return ending(f.name(), err), true
	case slices.ContainsFunc(r.all, func(other *followed) bool { return other.dead == nil && !other.guard }):
		r.Log.Warn("given up: "+f.Text+": "+f.Why, "target", f.Text, "why", f.Why)
		return Outcome{}, false
	}
	return r.exhausted(), true
}

// met tells whether the waiting is over. A guard of which nothing is known yet could still forbid it.
func (r *run) met() bool {
	some, every := false, true
	for _, f := range r.all {
		switch {
		case f.open():
			return false
		case f.guard:
		case f.Met:
			some = true
		default:
			every = false
		}
	}
	return some && (every || r.Any)
}
