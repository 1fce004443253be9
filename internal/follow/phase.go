package follow

import (
	"slices"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/object"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/report"
)

// sourceNotReady is a reason of helm-controller that has no name in its API.
// https://github.com/fluxcd/helm-controller/blob/v1.6.2/internal/controller/helmrelease_controller.go
const sourceNotReady = "SourceNotReady"

// storeNotReady is what External Secrets Operator says of a store that is not valid yet, where it says that.
// https://github.com/external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/secretstore/client_manager.go
const storeNotReady = " is not ready"

// pathNotFound begins what kustomize-controller says of a path that its source does not have. Its reason is that of a source
// that cannot be fetched, but the source is there: Git has to change.
// https://github.com/fluxcd/kustomize-controller/blob/v1.9.5/internal/controller/kustomization_controller.go
const pathNotFound = "kustomization path not found: "

// phase reads off what is the matter with a unit. The reasons are those of kustomize-controller 1.9.5 and helm-controller
// 1.6.2; source-controller 1.9.5 and External Secrets Operator have none that mean anything but a failure.
func phase(f *facts) report.Phase {
	ready := f.condition(meta.ReadyCondition)
	switch {
	case f.suspended:
		return report.PhaseSuspended
	case f.whole:
		return report.PhaseReady
	case f.stalled() != nil:
		return report.PhaseFailed
	case ready == nil:
		return report.PhaseQueued
	case ready.Status == metav1.ConditionTrue && f.observed == f.generation:
		return report.PhaseReady
	case ready.Status == metav1.ConditionTrue, ready.ObservedGeneration != 0 && ready.ObservedGeneration != f.generation:
		return report.PhaseQueued
	}
	return unready(f, ready)
}

// unready is the phase by the reason why a unit is not Ready.
func unready(f *facts, ready *metav1.Condition) report.Phase {
	switch {
	case ready.Reason == meta.DependencyNotReadyReason:
		return report.PhaseDepends
	case ready.Reason == meta.ArtifactFailedReason && strings.HasPrefix(ready.Message, pathNotFound):
		return report.PhaseFailed
	case ready.Reason == meta.ArtifactFailedReason, ready.Reason == sourceNotReady:
		return report.PhaseSource
	case ready.Reason == meta.HealthCheckCanceledReason: // it starts anew at once
		return report.PhaseWorking
	case ready.Status == metav1.ConditionFalse && strings.Contains(ready.Message, "Store ") && strings.HasSuffix(ready.Message, storeNotReady):
		return report.PhaseSource
	case ready.Status == metav1.ConditionFalse:
		return report.PhaseFailed
	case apimeta.IsStatusConditionPresentAndEqual(f.conditions, meta.HealthyCondition, metav1.ConditionUnknown):
		return report.PhaseHealth
	}
	return report.PhaseWorking
}

// final are the reasons of an outcome that Flux has waited for: the try is over. What else is called a failure (a Secret, a
// kind, a name server that is not there yet) passes by itself in the course of a birth.
var final = []string{
	meta.HealthCheckFailedReason, meta.BuildFailedReason,
	helmv2.InstallFailedReason, helmv2.UpgradeFailedReason, helmv2.TestFailedReason, helmv2.RollbackFailedReason, helmv2.UninstallFailedReason,
}

// checked tells whether Ready says that what k brings runs, and not only that it was applied.
func checked(k *kustomizev1.Kustomization) bool { return k.Spec.Wait || len(k.Spec.HealthChecks) > 0 }

// workloads are the kinds that run something.
var workloads = []string{"Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "HelmRelease.helm.toolkit.fluxcd.io"}

// workload tells whether k runs something. One that seed plants before there is a Flux is what the rest stands on, and
// one that brings other units is a root.
func workload(k *kustomizev1.Kustomization) bool {
	if k.Annotations[bundle.PlantAnnotation] == "true" || k.Status.Inventory == nil || slices.ContainsFunc(brings(k), func(id ID) bool { return !id.Part() }) {
		return false
	}
	return slices.ContainsFunc(k.Status.Inventory.Entries, func(entry kustomizev1.ResourceRef) bool {
		id, err := object.ParseObjMetadata(entry.ID)
		return err == nil && slices.Contains(workloads, id.GroupKind.String())
	})
}
