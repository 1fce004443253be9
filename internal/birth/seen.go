package birth

import (
	"context"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

// Now is a report of what the conditions in a running cluster say. It knows when each unit was created and when
// it last became what it is, which Flux sets anew at each reconciliation, in whole seconds; nothing of what was between.
func Now(ctx context.Context, cluster client.Client) (*report.Report, error) {
	units, err := follow.Now(ctx, cluster)
	if err != nil {
		return nil, err
	}
	r := &report.Report{Live: true, Saved: time.Now()}
	for _, u := range units {
		see(r, u)
	}
	return r, nil
}

// see records what a unit is now.
func see(r *report.Report, u follow.Unit) {
	unit := report.Unit{
		Name: u.String(), Ready: u.Ready, At: u.At, Detail: strings.TrimSpace(u.Revision + " " + u.Reason),
		Workload: u.Workload, Unchecked: !u.Checked, Part: u.Part(), Stalled: u.Stalled,
	}
	if u.By.Name != "" {
		unit.By = u.By.String()
	}
	for _, need := range u.Needs {
		unit.Needs = append(unit.Needs, need.String())
	}
	at := u.At
	if !u.Ready || u.Phase == report.PhaseSuspended {
		at = time.Now()
		if r.Live {
			at = u.Since
		}
	}
	created := u.Created
	if r.Following() { // what was before is no part of it
		at, created = later(at, r.Seed), later(created, r.Seed)
	}
	// Between its creation and the first look at it nobody knows; creation counts in whole seconds.
	if !u.Created.IsZero() && at.Sub(created) > 2*time.Second && !r.Seen(unit.Name) {
		r.See(unit, report.PhaseUnknown, "", created)
	}
	r.See(unit, u.Phase, u.Reason, at)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
