package main

// This file holds the places of internal/birth and internal/view until they are there.

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/cluster"
	tree "github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/nudge"
	"github.com/tazlab/seed/internal/report"
)

type following struct {
	Cluster           cluster.Client
	Roots             []types.NamespacedName
	Until             []string
	Deadline          time.Duration
	Forever, ReadOnly bool
	Log               *slog.Logger
	Report            *report.Report
	Changed           func()
	Nudged            func(kind, cause string)
	alone             sync.Mutex
}

func (f *following) Read(look func()) {
	f.alone.Lock()
	defer f.alone.Unlock()
	look()
}

func (f *following) Run(ctx context.Context) error {
	outer := ctx
	if f.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.Deadline)
		defer cancel()
	}
	root := types.NamespacedName{Namespace: "flux-system", Name: "flux-system"}
	if len(f.Roots) > 0 {
		root = f.Roots[0]
	}
	nudging, end := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() {
		if f.ReadOnly {
			return
		}
		for cause, n := range nudge.Run(nudging, f.Cluster, root, f.Log) {
			for range n {
				if f.Nudged != nil {
					f.Nudged("Kustomization", cause)
				}
			}
		}
	})
	_, err := tree.Tree(ctx, f.Cluster, root, func(u tree.Unit) {
		f.Read(func() {
			f.Report.See(report.Unit{Name: u.Key.String(), Ready: u.Ready, At: u.At, Detail: u.Reason}, u.Phase, u.Reason, time.Now())
			if f.Changed != nil {
				f.Changed()
			}
		})
	})
	if f.Forever && err == nil {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	end()
	beside.Wait()
	if err != nil && outer.Err() == nil && ctx.Err() != nil {
		return fmt.Errorf("the goal does not stand after %s:\n%w", f.Deadline, err)
	}
	return err
}

func parseGoal(text string) (string, error) {
	if !strings.Contains(text, "/") {
		return "", fmt.Errorf("it is KIND/NAME or KIND/NAMESPACE/NAME")
	}
	return text, nil
}

func stood(r *report.Report) string { return r.Summary() }

type stubView struct{ out io.Writer }

func viewOf(f *os.File) stubView { return stubView{f} }

func (stubView) Live() bool { return false }
func (v stubView) Draw(r *report.Report, _ time.Time) error {
	_, err := fmt.Fprintln(v.out, r.Standing())
	return err
}
func (v stubView) Close(*report.Report, time.Time) error { return nil }
