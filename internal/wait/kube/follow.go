package kube

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	apiwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

const (
	// requestTime is how long one request may take: an answer of the API server is a matter of milliseconds.
	requestTime = 15 * time.Second
	// safety is after what time an object is looked at again although its watch reports nothing, half of it added at
	// random: a watch can be dead without its end being seen.
	safety = 30 * time.Second
	// watchLived is how long a watch must have lived for the next one to be opened without a pause.
	watchLived = 5 * time.Second
	// watchAgain is after what time a refused watch is tried again: the right may come late.
	watchAgain = time.Minute
)

// Follower follows what one target names.
type Follower struct {
	// Client is how the API server is asked.
	Client *Client
	// Object is what to follow.
	Object *target.Object
	// Grace is how long a refusal (401, 403) is waited out: a Role may arrive after the Pod.
	Grace time.Duration
	// Report is called with every new state.
	Report func(target.State)
	// Note is called with what the user should know and what changes nothing, once each.
	Note func(string)

	resource kinds.Resource
	seen     view      // nil until the kind is found
	first    types.UID // of the first object of that name; one with another UID is its successor
	polling  time.Time // when a watch was last refused
	trouble  trouble
	told     *target.State
}

// view is what is known of the object or of the selection.
type view interface {
	// look asks for all of it and returns the version to watch from, "" for the beginning.
	look(context.Context) (version string, err error)
	// watch opens the watch.
	watch(ctx context.Context, version string) (watch.Interface, error)
	// take takes an event over.
	take(watch.Event)
	// state decides.
	state() target.State
}

// Follow reports states until ctx ends; then it returns nil. Else it returns a Refused, or what target.Unusable marks.
func (f *Follower) Follow(ctx context.Context) error {
	for ctx.Err() == nil {
		started := time.Now()
		err := f.once(ctx)
		if ctx.Err() != nil {
			break
		}
		if err == nil && time.Since(started) > watchLived {
			f.trouble.backoff = apiwait.Backoff{}
		}
		pause, err := f.sort(err)
		if err != nil {
			return err
		}
		sleep(ctx, pause)
	}
	return nil //nolint:nilerr // what ended with ctx is nobody's error
}

// sleep waits; it is over at once when ctx ends.
func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// once looks, and watches until something ends that.
func (f *Follower) once(ctx context.Context) error {
	v, err := f.view(ctx)
	if err != nil {
		return err
	}
	version, err := v.look(ctx)
	if err != nil {
		return err
	}
	f.trouble.answered()
	f.tell(v.state())
	if !f.polling.IsZero() && time.Since(f.polling) < watchAgain {
		return nil
	}
	return f.watch(ctx, v, version)
}

func (f *Follower) view(ctx context.Context) (view, error) {
	if f.seen != nil {
		return f.seen, nil
	}
	var err error
	if f.resource, err = f.Client.resolve(ctx, f.Object); err != nil {
		return nil, err
	}
	if !f.resource.Namespaced && f.Object.Namespace != "" {
		return nil, target.Unusable(fmt.Errorf("a %s has no namespace: leave %s/ out", f.resource.Kind, f.Object.Namespace))
	}
	if f.seen = newNamed(f); f.Object.Selector != nil {
		f.seen = newSelection(f)
	}
	return f.seen, nil
}

// watch takes events over until the watch ends, in whatever way: then everything is looked at again.
func (f *Follower) watch(ctx context.Context, v view, version string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opening := time.AfterFunc(requestTime, cancel)
	events, err := v.watch(ctx, version)
	switch {
	case err == nil:
	case apierrors.IsForbidden(err), apierrors.IsMethodNotSupported(err):
		f.refusedWatch(err)
		return nil
	default:
		return watchError(err)
	}
	defer events.Stop()
	opening.Stop()
	f.polling = time.Time{}
	check := time.NewTimer(safetyPause())
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-check.C:
			check.Reset(safetyPause())
			if alive, err := f.stillTrue(ctx, v); err != nil || !alive {
				return err
			}
		case e, open := <-events.ResultChan():
			if !open {
				return nil
			}
			if e.Type == watch.Error {
				return watchError(apierrors.FromObject(e.Object))
			}
			v.take(e)
			f.tell(v.state())
		}
	}
}

// what is the object as a sentence names it.
func (f *Follower) what() string {
	if !f.resource.Namespaced {
		return f.resource.Kind + " " + f.Object.Name
	}
	return f.resource.Kind + " " + f.namespace() + "/" + f.Object.Name
}

func safetyPause() time.Duration { return safety + rand.N(safety) } //nolint:gosec // it spreads load

// stillTrue looks although the watch is open, and tells whether the watch had said it all.
func (f *Follower) stillTrue(ctx context.Context, v view) (bool, error) {
	before := v.state()
	if _, err := v.look(ctx); err != nil {
		return false, err
	}
	f.tell(v.state())
	return v.state() == before, nil
}

// watchFailed is a watch that could not be opened, or ended with an error, just after the object could be asked for.
type watchFailed struct{ error }

// Unwrap returns why.
func (w watchFailed) Unwrap() error { return w.error }

// watchError turns the error with which the server ended a watch into the one to act on. A version that is too old (410) is
// cured by looking again.
func watchError(err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return nil
	}
	return watchFailed{err}
}

func (f *Follower) refusedWatch(err error) {
	if f.polling.IsZero() {
		why := "the right to watch is missing"
		if apierrors.IsMethodNotSupported(err) {
			why = "this kind cannot be watched"
		}
		f.Note(why + ": asking again every few seconds instead, and for the watch every minute")
	}
	f.polling = time.Now()
}

func (f *Follower) tell(s target.State) {
	if f.told == nil || s != *f.told {
		f.told = &s
		f.Report(s)
	}
}
