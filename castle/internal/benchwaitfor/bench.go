// Package benchwaitfor measures waitfor beside what it replaces: the shell's loop around kubectl get, and kubectl wait.
package benchwaitfor

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/castle/internal/life"
)

// The parts of the benchmark, in the order of Run.
const (
	Starts  = "starts" // start to exit where nothing is left to wait for
	Late    = "late"   // from the Secret to the exit of a process
	Crowd   = "crowd"  // what many waiters cost the API server and the machine
	InPods  = "pods"   // from the Secret to the application's start, in a castle; as root
	maximum = 15 * time.Minute
)

// Options are what a user of the benchmark chooses.
type Options struct {
	// Runs is how often each thing is measured.
	Runs int
	// Waiters is the size of the crowd. It is halved where the machine has no room for so many.
	Waiters int
	// Parts are those to measure; all if none is named.
	Parts []string
}

// bench is one benchmark that runs.
type bench struct {
	Options
	castle  *life.Castle
	tools   map[string]string // programs by the names that the command lines use
	results results
	kubelet []float64 // its share of what the Pods are late, in seconds
	images  []weight
	say     func(format string, args ...any)
}

// Run measures and writes the tables. Everything that it starts has ended when it returns.
func Run(ctx context.Context, o life.Options, want Options, out io.Writer) error {
	all := []string{Starts, Late, Crowd, InPods}
	if len(want.Parts) == 0 {
		want.Parts = all
	}
	for _, part := range want.Parts {
		if !slices.Contains(all, part) {
			return fmt.Errorf("measure %s: there are the parts %s", part, strings.Join(all, " "))
		}
	}
	if want.Runs < 1 || want.Waiters < 1 {
		return fmt.Errorf("measure %d times with %d waiters: both must be 1 at least", want.Runs, want.Waiters)
	}
	progress := o.Out
	o.Out, o.Preload, o.Blog = io.Discard, true, "127.0.0.1:0"
	c, err := life.New(o)
	if err != nil {
		return err
	}
	b := &bench{Options: want, castle: c, results: results{}, say: func(format string, args ...any) {
		fmt.Fprintf(progress, format+"\n", args...)
	}}
	if err := b.programs(ctx); err != nil {
		return err
	}
	if err := b.weigh(); err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{{Starts, b.starts}, {Late, b.late}, {Crowd, b.crowds}, {InPods, b.pods}} {
		if !slices.Contains(want.Parts, part.name) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("measure %s: %w", part.name, err)
		}
	}
	return b.write(out)
}

// programs finds all that is measured, building what is missing.
func (b *bench) programs(ctx context.Context) error {
	if slices.Contains(b.Parts, InPods) {
		if os.Geteuid() != 0 {
			return fmt.Errorf("the part %s needs root: leave it out with --parts %s,%s,%s", InPods, Starts, Late, Crowd)
		}
		if err := b.castle.Prepare(ctx); err != nil {
			return err
		}
	}
	var err error
	if b.tools, err = b.castle.Programs(ctx, "etcd", "kube-apiserver", "kubectl", "waitfor"); err != nil {
		return err
	}
	b.tools["sh"] = busybox
	return nil
}

// phase is how long after it began to wait a waiter gets the n-th Secret. The loop looks every five seconds, kubectl wait
// every half: what comes after multiples of the golden ratio falls evenly into both.
func phase(n int) time.Duration {
	_, part := math.Modf(float64(n) * math.Phi)
	return settled + time.Duration(part*float64(loopPause))
}

// settled is how long a waiter gets to begin with its waiting.
const settled = 3 * time.Second

// pause returns early, with the reason, when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
