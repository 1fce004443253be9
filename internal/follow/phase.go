package follow

import (
	"cmp"
	"slices"

	"github.com/fluxcd/cli-utils/pkg/object"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/report"
)

// phase reads off a Kustomization what is the matter with it, nil being one that is not there. The reasons are those that
// kustomize-controller 1.9.5 sets (internal/controller/kustomization_controller.go).
func phase(k *kustomizev1.Kustomization) report.Phase {
	if k == nil {
		return report.PhaseAbsent
	}
	ready := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
	switch {
	case ready == nil:
		return report.PhaseQueued
	case ready.Status == metav1.ConditionTrue && k.Status.ObservedGeneration == k.Generation:
		return report.PhaseReady
	case ready.Status == metav1.ConditionTrue, ready.ObservedGeneration != 0 && ready.ObservedGeneration != k.Generation:
		return report.PhaseQueued
	case ready.Reason == meta.DependencyNotReadyReason:
		return report.PhaseDepends
	case ready.Reason == meta.ArtifactFailedReason:
		return report.PhaseSource
	case ready.Reason == meta.HealthCheckCanceledReason: // it starts anew at once
		return report.PhaseWorking
	case ready.Status == metav1.ConditionFalse:
		return report.PhaseFailed
	case apimeta.IsStatusConditionPresentAndEqual(k.Status.Conditions, meta.HealthyCondition, metav1.ConditionUnknown):
		return report.PhaseHealth
	}
	return report.PhaseWorking
}

// needs are the Kustomizations that k depends on.
func needs(k *kustomizev1.Kustomization) []types.NamespacedName {
	var keys []types.NamespacedName
	for _, d := range k.Spec.DependsOn {
		keys = append(keys, types.NamespacedName{Namespace: cmp.Or(d.Namespace, k.Namespace), Name: d.Name})
	}
	return keys
}

// checked tells whether Ready says that what k brings runs, and not only that it was applied.
func checked(k *kustomizev1.Kustomization) bool { return k.Spec.Wait || len(k.Spec.HealthChecks) > 0 }

// workloads are the kinds that run something.
var workloads = []string{"Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "HelmRelease.helm.toolkit.fluxcd.io"}

// workload tells whether k runs something. One that seed plants before there is a Flux is what the rest stands on, and
// one that brings other units is a root.
func workload(k *kustomizev1.Kustomization) bool {
	if k.Annotations[bundle.PlantAnnotation] == "true" || k.Status.Inventory == nil || len(children(k)) > 0 {
		return false
	}
	return slices.ContainsFunc(k.Status.Inventory.Entries, func(entry kustomizev1.ResourceRef) bool {
		id, err := object.ParseObjMetadata(entry.ID)
		return err == nil && slices.Contains(workloads, id.GroupKind.String())
	})
}
