package follow

import (
	"slices"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/report"
)

// state judges one unit as Flux' own CLI does: observed at its generation, and Ready.
func (w *walker) state(id ID) Unit {
	o := w.objects[id]
	if o == nil {
		return Unit{ID: id, Phase: report.PhaseAbsent, Reason: "not in the cluster yet"}
	}
	f := factsOf(o)
	unit := Unit{ID: id, Phase: phase(&f), Revision: f.revision, Needs: f.needs, Created: o.GetCreationTimestamp().Time}
	unit.Since = f.transition(unit.Created)
	if k, ok := o.(*kustomizev1.Kustomization); ok {
		unit.Workload, unit.Checked = workload(k), checked(k)
	} else {
		unit.Checked = true
	}
	ready := f.condition(meta.ReadyCondition)
	if f.whole || ready != nil && ready.Status == metav1.ConditionTrue && f.observed == f.generation && f.stalled() == nil {
		unit.Ready, unit.At = true, w.since(id, unit.Since)
	} else {
		unit.Reason = reason(id, &f)
	}
	if f.suspended {
		unit.Reason = "suspended: left alone"
		return unit
	}
	unit.Stalled = f.stalled() != nil
	// Said of this generation, even if Flux does not count one as observed whose reconciliation failed.
	unit.Failed = unit.Stalled || ready != nil && ready.Status == metav1.ConditionFalse && ready.ObservedGeneration == f.generation && slices.Contains(final, ready.Reason)
	return unit
}

// reason is why a unit is not Ready.
func reason(id ID, f *facts) string {
	ready := f.condition(meta.ReadyCondition)
	if stalled := f.stalled(); stalled != nil {
		if ready == nil || ready.Message == stalled.Message || ready.Status == metav1.ConditionTrue {
			return stalled.Message
		}
		return stalled.Message + ": " + ready.Message
	}
	switch {
	case ready == nil:
		return "not seen by " + controller(id) + " yet"
	case ready.Status != metav1.ConditionTrue && ready.ObservedGeneration == f.generation:
		return ready.Message
	case f.observed != f.generation:
		return "its newest generation is not reconciled yet"
	}
	return ready.Message
}

// controller is who reconciles a kind.
func controller(id ID) string {
	k, _ := kindOf(id.Kind)
	switch k.Group {
	case "helm.toolkit.fluxcd.io":
		return "helm-controller"
	case "source.toolkit.fluxcd.io":
		return "source-controller"
	case "external-secrets.io":
		return "External Secrets Operator"
	}
	return "kustomize-controller"
}

// since is when a unit was seen to become Ready; conditions know whole seconds only, so they speak for the units alone
// that were Ready before seed looked.
func (w *walker) since(id ID, transition time.Time) time.Time {
	if before, known := w.seen[id]; known {
		if before.Ready || before.Phase == report.PhaseUnknown && !before.At.IsZero() { // it could not be read in between
			return before.At
		}
		return w.now
	}
	return transition
}
