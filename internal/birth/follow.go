package birth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/report"
)

// Follow watches until the goal stands and records when each unit became Ready. What is suspended is left alone; only a goal
// that waits for that can never stand, which is an error. A unit that Flux could not bring is none: Flux tries again. But an
// Event tells of it, and the report has the tree as it is then. So does one of Flux itself, as long as it does not run.
// Meanwhile what waits is nudged. A Deadline ends it.
func (b *Birth) Follow(ctx context.Context) error {
	start := time.Now()
	f := &Following{
		Cluster: b.Cluster, Roots: []types.NamespacedName{client.ObjectKeyFromObject(b.Bundle.Root)},
		Until: b.Until, Deadline: b.Deadline, Log: b.Log, Report: b.Report, birth: b,
	}
	err := f.Run(ctx)
	state := report.Done
	if err != nil {
		state = report.Failed
	}
	units := len(slices.DeleteFunc(slices.Clone(b.Report.Units), func(u report.Unit) bool { return u.Part }))
	b.Report.Add(report.FollowStep, start, state, fmt.Sprintf("%d Kustomizations", units))
	for _, cause := range slices.Sorted(maps.Keys(b.Report.Nudges)) {
		b.Log.Info("asked Flux to reconcile what waited", "cause", cause, "times", b.Report.Nudges[cause])
	}
	late, isLate := errors.AsType[Deadline](err)
	switch {
	case isLate:
		b.Report.Deadline = late.After
		missing := b.Report.MissingLine()
		if !f.known {
			missing = late.Missing
		}
		b.event(ctx, "DeadlineExceeded", fmt.Sprintf("the goal does not stand after %s, and seed lets go: %s", late.After, missing))
	case err != nil && ctx.Err() == nil:
		b.event(ctx, "TreeCannotStand", err.Error())
	}
	return err
}
