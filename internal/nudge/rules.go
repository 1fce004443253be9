package nudge

import (
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rule is one thing that can come, and who waits for it.
type rule struct {
	name string
	// waits tells by k's Ready condition whether k waits for it.
	waits func(k *kustomizev1.Kustomization, ready *metav1.Condition) bool
	// came is what has come of all that k waits for; without an id if something is missing.
	came func(s *state, k *kustomizev1.Kustomization) cause
}

// cause is what has come. Nobody is asked twice in a row for the same id.
type cause struct {
	id, text string
	// revision is the one that the waiting Kustomization's source must have, if any.
	revision string
}

// rules are all of them. That a source has got its artifact needs none: kustomize-controller watches the sources.
// https://github.com/fluxcd/kustomize-controller/blob/v1.9.5/internal/controller/kustomization_manager.go
var rules = []rule{
	{"dependency ready", waitsForDependency, dependenciesMet},
	{"source-controller available", waitsForSourceController, sourceControllerAvailable},
}

// waiting is the Ready condition of a Kustomization that Flux has left for later; nil while Flux is at work on it, has
// not seen its generation, or may not touch it.
func waiting(k *kustomizev1.Kustomization) *metav1.Condition {
	ready := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
	if k.Spec.Suspend || k.DeletionTimestamp != nil || ready == nil || ready.Status != metav1.ConditionFalse || ready.ObservedGeneration != k.Generation {
		return nil
	}
	// With another reason than that of a retry, a reconciliation runs.
	work := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReconcilingCondition)
	if work != nil && work.Status == metav1.ConditionTrue && work.Reason != meta.ProgressingWithRetryReason {
		return nil
	}
	return ready
}

func waitsForDependency(_ *kustomizev1.Kustomization, ready *metav1.Condition) bool {
	return ready.Reason == meta.DependencyNotReadyReason
}

// waitsForSourceController tells of an artifact that could not be fetched for want of an answer. kustomize-controller
// then waits for the retry interval, which is the whole interval by default.
// https://github.com/fluxcd/pkg/blob/http/fetch/v0.25.0/http/fetch/archive_fetcher.go
func waitsForSourceController(k *kustomizev1.Kustomization, ready *metav1.Condition) bool {
	return ready.Reason == meta.ArtifactFailedReason && k.Spec.SourceRef.Kind != "ExternalArtifact" &&
		strings.HasPrefix(ready.Message, "failed to download archive: ")
}

// sourceControllerAvailable is the moment since which all Deployments of source-controller are available.
func sourceControllerAvailable(s *state, _ *kustomizev1.Kustomization) cause {
	c := cause{text: "source-controller is available"}
	for _, d := range s.sourceControllers {
		available := availability(d)
		if available == nil || available.Status != corev1.ConditionTrue || d.Status.ObservedGeneration != d.Generation {
			return cause{}
		}
		c.id += string(d.UID) + " " + available.LastTransitionTime.String() + "\n"
	}
	return c
}

func availability(d *appsv1.Deployment) *appsv1.DeploymentCondition {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == appsv1.DeploymentAvailable {
			return &d.Status.Conditions[i]
		}
	}
	return nil
}
