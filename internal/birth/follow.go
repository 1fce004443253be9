package birth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

// Follow watches until the tree stands and records when each unit became Ready. A tree that can never
// stand is an error. A unit that Flux could not bring is not: Flux tries again. But an Event tells of it, and the report
// has the tree as it is then.
func (b *Birth) Follow(ctx context.Context) error {
	start := time.Now()
	told := map[types.NamespacedName]string{}
	units, err := follow.Tree(ctx, b.Cluster, client.ObjectKeyFromObject(b.Bundle.Root), func(u follow.Unit) {
		b.Log.Info("kustomization", "name", u.Key, "ready", u.Ready, "phase", u.Phase, "reason", u.Reason)
		b.removeStale(ctx, u)
		see(b.Report, u)
		// Each try names the time that it took, which is nothing new.
		if _, why, _ := strings.Cut(u.Reason, ": "); u.Failed && told[u.Key] != why {
			told[u.Key] = why
			b.Event(ctx, "UnitNotReady", fmt.Sprintf("Kustomization %s is not Ready, and Flux goes on trying: %s", u.Key, u.Reason))
		}
	})
	state := report.Done
	if err != nil {
		state = report.Failed
		if ctx.Err() == nil {
			b.Event(ctx, "TreeCannotStand", err.Error())
		}
	}
	b.Report.Add(report.FollowStep, start, state, fmt.Sprintf("%d Kustomizations", len(units)))
	takeAll(b.Report, units)
	return err
}
