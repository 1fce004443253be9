package birth

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

// Now is a report of what the conditions in a running cluster say. It knows when each Kustomization was created and when
// it last became what it is, which Flux sets anew at each reconciliation, in whole seconds; nothing of what was between.
func Now(ctx context.Context, cluster client.Reader) (*report.Report, error) {
	units, err := follow.Now(ctx, cluster)
	if err != nil {
		return nil, err
	}
	r := &report.Report{Live: true, Saved: time.Now()}
	takeAll(r, units)
	return r, nil
}

// takeAll records all units of the tree, in their order.
func takeAll(r *report.Report, units []follow.Unit) {
	names := make([]string, 0, len(units))
	for _, u := range units {
		see(r, u)
		names = append(names, u.Key.String())
	}
	r.Order(names)
}

// see records what a unit is now.
func see(r *report.Report, u follow.Unit) {
	unit := report.Unit{
		Name: u.Key.String(), Ready: u.Ready, At: u.At, Detail: strings.TrimSpace(u.Revision + " " + u.Reason),
		By: name(u.By), Workload: u.Workload, Unchecked: !u.Checked,
	}
	for _, need := range u.Needs {
		unit.Needs = append(unit.Needs, name(need))
	}
	at := u.At
	if !u.Ready {
		at = time.Now()
		if r.Live {
			at = u.Since
		}
	}
	// Between its creation and the first look at it nobody knows; creation counts in whole seconds.
	if !u.Created.IsZero() && at.Sub(u.Created) > 2*time.Second && !r.Seen(unit.Name) {
		r.See(unit, report.PhaseUnknown, "", u.Created)
	}
	r.See(unit, u.Phase, u.Reason, at)
}

func name(key types.NamespacedName) string {
	if key.Name == "" {
		return ""
	}
	return key.String()
}
