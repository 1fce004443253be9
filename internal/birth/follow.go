package birth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/nudge"
	"github.com/tazlab/seed/internal/report"
)

// Follow watches until the tree stands and records when each unit became Ready. A tree that can never
// stand is an error. A unit that Flux could not bring is not: Flux tries again. But an Event tells of it, and the report
// has the tree as it is then. So does one of Flux itself, as long as it does not run. Meanwhile what waits is nudged.
func (b *Birth) Follow(ctx context.Context) error {
	start := time.Now()
	told := map[types.NamespacedName]string{}
	var alone sync.Mutex // who has it may record
	flux, ended := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { b.watchFlux(flux, &alone) })
	watching.Go(func() { b.nudge(flux) })
	units, err := follow.Tree(ctx, b.Cluster, client.ObjectKeyFromObject(b.Bundle.Root), func(u follow.Unit) {
		alone.Lock()
		defer alone.Unlock()
		b.Log.Info("kustomization", "name", u.Key, "ready", u.Ready, "phase", u.Phase, "reason", u.Reason)
		b.removeStale(ctx, u)
		see(b.Report, u)
		// Each try names the time that it took, which is nothing new.
		if _, why, _ := strings.Cut(u.Reason, ": "); u.Failed && told[u.Key] != why {
			told[u.Key] = why
			b.event(ctx, "UnitNotReady", fmt.Sprintf("Kustomization %s is not Ready, and Flux goes on trying: %s", u.Key, u.Reason))
		}
	})
	ended()
	watching.Wait()
	state := report.Done
	if err != nil {
		state = report.Failed
		if ctx.Err() == nil {
			b.event(ctx, "TreeCannotStand", err.Error())
		}
	}
	b.Report.Add(report.FollowStep, start, state, fmt.Sprintf("%d Kustomizations", len(units)))
	takeAll(b.Report, units)
	return err
}

// nudge asks Flux to look at what waits, when that has come, until ctx ends.
func (b *Birth) nudge(ctx context.Context) {
	root, counts := client.ObjectKeyFromObject(b.Bundle.Root), map[string]int{}
	cache := live.New(ctx, b.Cluster, b.Log)
	nudge.Run(ctx, cache, func() []types.NamespacedName { return []types.NamespacedName{root} }, b.Log, func(_, cause string) { counts[cause]++ })
	cache.Wait()
	for _, cause := range slices.Sorted(maps.Keys(counts)) {
		b.Log.Info("asked Flux to reconcile what waited", "cause", cause, "times", counts[cause])
	}
}
