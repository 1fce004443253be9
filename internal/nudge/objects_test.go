package nudge

import (
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

var now = metav1.NewTime(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))

// after is so much later.
func after(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(d)) }

// metadata is that of an object that root has brought.
func metadata(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "flux-system", Name: name, UID: types.UID("uid of " + name), Generation: 1, ResourceVersion: "7",
		Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
	}
}

// kustomization is one of the source main that Flux has not seen.
func kustomization(name string, dependsOn ...string) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{ObjectMeta: metadata(name)}
	k.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "main"}
	for _, other := range dependsOn {
		k.Spec.DependsOn = append(k.Spec.DependsOn, kustomizev1.DependencyReference{Name: other})
	}
	k.Status.ObservedGeneration = -1
	return k
}

// brings lets k's inventory list one of kind, which is spelled with its group.
func brings(k *kustomizev1.Kustomization, kind string) *kustomizev1.Kustomization {
	k.Status.Inventory = &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{{ID: "flux-system_x_" + kind, Version: "v1"}}}
	return k
}

// says sets one of an object's conditions, as its controller does.
func says[T interface {
	client.Object
	GetConditions() []metav1.Condition
	SetConditions([]metav1.Condition)
}](object T, kind string, status metav1.ConditionStatus, reason, message string) T {
	object.SetConditions(append(object.GetConditions(), metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: object.GetGeneration(), LastTransitionTime: now,
	}))
	return object
}

// waitingFor is a Kustomization that Flux left because of its dependencies.
func waitingFor(name string, dependsOn ...string) *kustomizev1.Kustomization {
	return says(kustomization(name, dependsOn...), meta.ReadyCondition, metav1.ConditionFalse, meta.DependencyNotReadyReason, "dependency is not ready")
}

// failed is a Kustomization that Flux could not apply.
func failed(message string) *kustomizev1.Kustomization {
	return says(kustomization("k"), meta.ReadyCondition, metav1.ConditionFalse, meta.ReconciliationFailedReason, message)
}

// ready is a Kustomization that has applied revision.
func ready(name, revision string) *kustomizev1.Kustomization {
	k := says(kustomization(name), meta.ReadyCondition, metav1.ConditionTrue, meta.ReconciliationSucceededReason, "Applied revision: "+revision)
	k.Status.ObservedGeneration, k.Status.LastAppliedRevision = k.Generation, revision
	return k
}

// release is a HelmRelease, as helm-controller leaves it because of its dependencies.
func release(name string, dependsOn ...string) *helmv2.HelmRelease {
	r := &helmv2.HelmRelease{ObjectMeta: metadata(name)}
	for _, other := range dependsOn {
		r.Spec.DependsOn = append(r.Spec.DependsOn, meta.DependencyReference{Name: other})
	}
	r.Status.ObservedGeneration = -1
	says(r, meta.ReadyCondition, metav1.ConditionFalse, meta.DependencyNotReadyReason, "dependency 'flux-system/x' is not ready")
	return says(r, meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, "Fulfilling prerequisites")
}

func readyRelease(name string) *helmv2.HelmRelease {
	r := &helmv2.HelmRelease{ObjectMeta: metadata(name)}
	r.Status.ObservedGeneration = 1
	return says(r, meta.ReadyCondition, metav1.ConditionTrue, helmv2.InstallSucceededReason, "Helm install succeeded")
}

// change is an object with something done to it.
func change[T any](object T, do func(T)) T {
	do(object)
	return object
}

// causeOf is the one of rule for u, in a cluster with objects; an empty one if u does not wait by that rule.
func causeOf(t *testing.T, rule string, waits client.Object, objects ...client.Object) cause {
	t.Helper()
	f := newFake(t, append(objects, waits)...)
	return f.cause(rule, waits)
}

func (f *fake) cause(rule string, waits client.Object) cause {
	f.t.Helper()
	kind, err := apiutil.GVKForObject(waits, f.scheme)
	if err != nil {
		f.t.Fatal(err)
	}
	u := waiting(kind, waits)
	for _, r := range rules {
		if u != nil && r.name == rule && r.waits(u) {
			return r.came(f.t.Context(), f.nudger().state(), u)
		}
	}
	return cause{}
}
