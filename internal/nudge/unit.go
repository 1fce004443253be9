package nudge

import (
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// unit is an object of the tree that its controller has left for later.
type unit struct {
	client.Object
	kind schema.GroupVersionKind
	// failed is why: its Ready condition, or the one that Ready was made of.
	failed metav1.Condition
}

// waiting is object as a unit; nil while its controller is at work on it, has not seen its generation, has given it up, or
// may not touch it.
func waiting(kind schema.GroupVersionKind, object client.Object) *unit {
	if object.GetDeletionTimestamp() != nil || suspended(object) || requested(object) {
		return nil
	}
	if secret, ok := object.(*esv1.ExternalSecret); ok {
		return waitingSecret(kind, secret)
	}
	flux, ok := object.(interface{ GetConditions() []metav1.Condition })
	if !ok {
		return nil
	}
	conditions := flux.GetConditions()
	ready := apimeta.FindStatusCondition(conditions, meta.ReadyCondition)
	if ready == nil || ready.Status != metav1.ConditionFalse || ready.ObservedGeneration != object.GetGeneration() ||
		apimeta.IsStatusConditionTrue(conditions, meta.StalledCondition) {
		return nil
	}
	if release, ok := object.(*helmv2.HelmRelease); ok {
		return waitingRelease(kind, release, ready)
	}
	// With another reason than that of a retry, a reconciliation runs.
	work := apimeta.FindStatusCondition(conditions, meta.ReconcilingCondition)
	if work != nil && work.Status == metav1.ConditionTrue && work.Reason != meta.ProgressingWithRetryReason {
		return nil
	}
	return &unit{Object: object, kind: kind, failed: *ready}
}

// firstStep is what helm-controller says of a release when it begins to reconcile it.
// https://github.com/fluxcd/helm-controller/blob/v1.6.2/internal/controller/helmrelease_controller.go
const firstStep = "Fulfilling prerequisites"

// waitingRelease knows how helm-controller leaves a release: still Reconciling with the reason Progressing, after
// dependencies that are not ready with the message of its first step, after an install or upgrade with that of this action.
// While one of these two runs Ready is Unknown; in the first step and while another action runs, Ready keeps what failed
// before. So a release that waits for its dependencies looks the same in its first step and when it is left: then the request
// may be a look at what that try has done.
// After a remediation Ready tells of that one, and Released of what failed.
// https://github.com/fluxcd/helm-controller/blob/v1.6.2/internal/reconcile/atomic_release.go
func waitingRelease(kind schema.GroupVersionKind, release *helmv2.HelmRelease, ready *metav1.Condition) *unit {
	work := apimeta.FindStatusCondition(release.Status.Conditions, meta.ReconcilingCondition)
	if work != nil && work.Status == metav1.ConditionTrue && work.Reason != meta.ProgressingWithRetryReason {
		acts := strings.HasPrefix(work.Message, "Running '") &&
			!strings.HasPrefix(work.Message, "Running 'install'") && !strings.HasPrefix(work.Message, "Running 'upgrade'")
		begins := work.Message == firstStep && ready.Reason != helmv2.DependencyNotReadyReason
		if acts || begins {
			return nil
		}
	}
	u := &unit{Object: release, kind: kind, failed: *ready}
	released := apimeta.FindStatusCondition(release.Status.Conditions, helmv2.ReleasedCondition)
	remediated := apimeta.FindStatusCondition(release.Status.Conditions, helmv2.RemediatedCondition)
	if remediated != nil && remediated.Reason == ready.Reason && released != nil && released.Status == metav1.ConditionFalse && released.ObservedGeneration == release.Generation {
		u.failed = *released
	}
	return u
}

// waitingSecret has no generation in its condition: External Secrets Operator looks at once when the object changes.
func waitingSecret(kind schema.GroupVersionKind, secret *esv1.ExternalSecret) *unit {
	for _, c := range secret.Status.Conditions {
		if c.Type == esv1.ExternalSecretReady && c.Status == corev1.ConditionFalse {
			return &unit{Object: secret, kind: kind, failed: metav1.Condition{
				Type: meta.ReadyCondition, Status: metav1.ConditionFalse, Reason: c.Reason, Message: c.Message, LastTransitionTime: c.LastTransitionTime,
			}}
		}
	}
	return nil
}

// requested tells that somebody has asked already, and Flux has not answered yet: another seed, or a person.
func requested(object client.Object) bool {
	var status meta.ReconcileRequestStatus
	switch o := object.(type) {
	case *kustomizev1.Kustomization:
		status = o.Status.ReconcileRequestStatus
	case *helmv2.HelmRelease:
		status = o.Status.ReconcileRequestStatus
	case *sourcev1.GitRepository:
		status = o.Status.ReconcileRequestStatus
	case *sourcev1.OCIRepository:
		status = o.Status.ReconcileRequestStatus
	case *sourcev1.HelmRepository:
		status = o.Status.ReconcileRequestStatus
	case *sourcev1.Bucket:
		status = o.Status.ReconcileRequestStatus
	default:
		return false
	}
	at, asked := meta.ReconcileAnnotationValue(object.GetAnnotations())
	return asked && at != status.LastHandledReconcileAt
}

func suspended(object client.Object) bool {
	switch o := object.(type) {
	case *kustomizev1.Kustomization:
		return o.Spec.Suspend
	case *helmv2.HelmRelease:
		return o.Spec.Suspend
	case *sourcev1.GitRepository:
		return o.Spec.Suspend
	case *sourcev1.OCIRepository:
		return o.Spec.Suspend
	case *sourcev1.HelmRepository:
		return o.Spec.Suspend
	case *sourcev1.Bucket:
		return o.Spec.Suspend
	}
	return false
}
