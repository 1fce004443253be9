package benchwaitfor

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What one run has of what is short and scatters: starts, and Secrets that come.
const (
	startsPerRun  = 10
	secretsPerRun = 3
)

// starts measures from start to exit where the Secret is there already.
func (b *bench) starts(ctx context.Context) (err error) {
	s, stop, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := s.calm(ctx); err != nil {
		return err
	}
	for run := range b.Runs {
		for range startsPerRun {
			for _, r := range rivals {
				begin := time.Now()
				w, err := b.start(s, 0, r, there)
				if err != nil {
					return err
				}
				if err := w.outlast(ctx); err != nil {
					return err
				}
				b.results.add(startWall, r.name, float64(time.Since(begin).Microseconds())/1e3)
				b.results.add(startCPU, r.name, w.cpu())
			}
		}
		if err := b.peakOfOneTry(ctx, s); err != nil {
			return err
		}
		b.say("run %d of %d: %d starts of each", run+1, b.Runs, startsPerRun)
	}
	return nil
}

// peakOfOneTry measures, apart from the rest, the memory of one kubectl get: it does not live long enough to be asked
// for it among others.
func (b *bench) peakOfOneTry(ctx context.Context, s *server) error {
	try := rival{name: "kubectl get", line: func(secret string) []string { return []string{"kubectl", "get", "secret", secret} }}
	w, err := b.start(s, 0, try, there)
	if err != nil {
		return err
	}
	b.results.add(waiterMemory, kubectlLoop, w.follow())
	return w.outlast(ctx)
}

// late measures from the moment at which the Secret is created to the exit of the process that waits for it.
func (b *bench) late(ctx context.Context) (err error) {
	s, stop, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for n := range b.Runs * secretsPerRun {
		for _, r := range rivals {
			took, err := b.lateOnce(ctx, s, phase(n), r)
			if err != nil {
				return err
			}
			b.results.add(lateProcess, r.name, took.Seconds())
			b.say("run %d of %d, process: %s %.3f s late", n/secretsPerRun+1, b.Runs, r.name, took.Seconds())
		}
	}
	return nil
}

func (b *bench) lateOnce(ctx context.Context, s *server, comes time.Duration, r rival) (time.Duration, error) {
	w, err := b.start(s, 0, r, awaited)
	if err != nil {
		return 0, err
	}
	defer w.end()
	if err := pause(ctx, comes); err != nil {
		return 0, err
	}
	if err := w.waits(); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := bring(ctx, s.client, awaited); err != nil {
		return 0, fmt.Errorf("create the Secret: %w", err)
	}
	if err := w.outlast(ctx); err != nil {
		return 0, err
	}
	return time.Since(begin), take(ctx, s.client, awaited)
}
