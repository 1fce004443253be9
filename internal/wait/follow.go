package wait

import (
	"context"
	"errors"
	"sync"
	"time"

	apiwait "k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/internal/wait/diagnose"
	"github.com/tazlab/seed/internal/wait/probe"
	"github.com/tazlab/seed/internal/wait/target"
)

// again is how long an endpoint that answered is left alone while others are waited for.
const again = 10 * time.Second

// backoff are the pauses between two tries of an endpoint.
var backoff = apiwait.Backoff{Duration: 250 * time.Millisecond, Factor: 1.5, Jitter: 0.3, Steps: 100, Cap: 2 * time.Second}

// follow probes until ctx ends.
func follow(ctx context.Context, e *target.Endpoint, p probe.Probe, report func(target.State)) error {
	pauses, failing := backoff, time.Time{}
	for ctx.Err() == nil {
		found, err := p.Probe(ctx)
		pause := again
		switch {
		case ctx.Err() != nil:
			continue
		case err == nil:
			pauses, failing = backoff, time.Time{}
			report(target.State{Met: true, Why: found})
		case target.IsUnusable(err):
			return err
		default:
			if failing.IsZero() {
				failing = time.Now()
			}
			report(target.State{Why: explain(e, err, time.Since(failing))})
			pause = pauses.Step()
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

func explain(e *target.Endpoint, err error, waited time.Duration) string {
	at := diagnose.Where{Address: e.URL.Host, CAFile: e.CAFile, Waited: waited}
	if e.URL.Scheme == "http" || e.URL.Scheme == "https" {
		at.Proxy = probe.Proxy(e.URL)
	}
	if text := diagnose.Explain(err, at); text != "" {
		return text
	}
	return err.Error()
}

// whileMet does the work for as long as what it needs is met, and reports in what state that is when it is not. It returns
// the error of whichever fails first.
func whileMet(ctx context.Context, needed func(context.Context, func(target.State)) error, work func(context.Context) error, lacking func(target.State)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var broken error // of the work, which then ends all
	var stop func()  // nil while nothing works
	end := func() {
		if stop != nil {
			stop()
			stop = nil
		}
	}
	err := needed(ctx, func(s target.State) {
		if !s.Met {
			end()
			lacking(s)
		} else if stop == nil {
			stop = start(ctx, func(ctx context.Context) {
				if err := work(ctx); err != nil {
					broken = err
					cancel()
				}
			})
		}
	})
	end()
	return errors.Join(broken, err)
}

// start does something beside. stop ends it, and returns when it has ended.
func start(ctx context.Context, do func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var doing sync.WaitGroup
	doing.Go(func() { do(ctx) })
	return func() {
		cancel()
		doing.Wait()
	}
}
