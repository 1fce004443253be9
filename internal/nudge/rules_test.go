package nudge

import (
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var now = metav1.NewTime(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))

// unit is a Kustomization of the source main that Flux has not seen.
func unit(name string, dependsOn ...string) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{
		Namespace: "flux-system", Name: name, UID: types.UID("uid of " + name), Generation: 1, ResourceVersion: "7",
		Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
	}}
	k.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "main"}
	for _, other := range dependsOn {
		k.Spec.DependsOn = append(k.Spec.DependsOn, kustomizev1.DependencyReference{Name: other})
	}
	k.Status.ObservedGeneration = -1
	return k
}

// says sets one of k's conditions, as kustomize-controller does.
func says(k *kustomizev1.Kustomization, kind string, status metav1.ConditionStatus, reason, message string) *kustomizev1.Kustomization {
	k.Status.Conditions = append(k.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: k.Generation, LastTransitionTime: now,
	})
	return k
}

// waitingFor is a Kustomization that Flux left because of its dependencies.
func waitingFor(name string, dependsOn ...string) *kustomizev1.Kustomization {
	return says(unit(name, dependsOn...), meta.ReadyCondition, metav1.ConditionFalse, meta.DependencyNotReadyReason, "dependency is not ready")
}

// ready is a Kustomization that has applied revision.
func ready(name, revision string) *kustomizev1.Kustomization {
	k := says(unit(name), meta.ReadyCondition, metav1.ConditionTrue, meta.ReconciliationSucceededReason, "Applied revision: "+revision)
	k.Status.ObservedGeneration, k.Status.LastAppliedRevision = k.Generation, revision
	return k
}

func stateOf(reader client.Reader, all ...*kustomizev1.Kustomization) *state {
	s := &state{
		roots: []types.NamespacedName{{Namespace: "flux-system", Name: "root"}}, reader: reader,
		live: map[types.NamespacedName]*kustomizev1.Kustomization{}, sources: map[source]revisionOf{},
	}
	for _, k := range append(all, unit("root")) {
		s.live[client.ObjectKeyFromObject(k)] = k
	}
	return s
}

// change is a with something done to it.
func change(k *kustomizev1.Kustomization, do func(*kustomizev1.Kustomization)) *kustomizev1.Kustomization {
	do(k)
	return k
}

// Only what Flux has left for later may be asked for.
func TestWaiting(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		k    *kustomizev1.Kustomization
		want bool
	}{
		"left for later":                   {waitingFor("a"), true},
		"left for later after a failure":   {says(waitingFor("a"), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingWithRetryReason, ""), true},
		"at work":                          {says(waitingFor("a"), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, ""), false},
		"applying or checking its health":  {says(unit("a"), meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, ""), false},
		"Ready":                            {ready("a", "1"), false},
		"not seen by Flux":                 {unit("a"), false},
		"suspended":                        {change(waitingFor("a"), func(k *kustomizev1.Kustomization) { k.Spec.Suspend = true }), false},
		"being deleted":                    {change(waitingFor("a"), func(k *kustomizev1.Kustomization) { k.DeletionTimestamp = &now }), false},
		"its newest generation not judged": {change(waitingFor("a"), func(k *kustomizev1.Kustomization) { k.Generation++ }), false},
	} {
		if got := waiting(test.k) != nil; got != test.want {
			t.Errorf("%s: waiting %v, want %v", name, got, test.want)
		}
	}
}

// A dependency counts as kustomize-controller counts it.
func TestDependenciesMet(t *testing.T) {
	t.Parallel()
	elsewhere := func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Name = "other" }
	for name, test := range map[string]struct {
		others   []*kustomizev1.Kustomization
		met      bool
		revision string
	}{
		"Ready":                           {[]*kustomizev1.Kustomization{ready("a", "2"), ready("b", "2")}, true, "2"},
		"one is not there":                {[]*kustomizev1.Kustomization{ready("a", "2")}, false, ""},
		"one is not Ready":                {[]*kustomizev1.Kustomization{ready("a", "2"), waitingFor("b")}, false, ""},
		"one was not seen by Flux":        {[]*kustomizev1.Kustomization{ready("a", "2"), unit("b")}, false, ""},
		"Ready at an older generation":    {[]*kustomizev1.Kustomization{ready("a", "2"), change(ready("b", "2"), func(k *kustomizev1.Kustomization) { k.Generation++ })}, false, ""},
		"two revisions of one source":     {[]*kustomizev1.Kustomization{ready("a", "2"), ready("b", "1")}, false, ""},
		"nothing applied yet":             {[]*kustomizev1.Kustomization{ready("a", "2"), ready("b", "")}, false, ""},
		"one of another source":           {[]*kustomizev1.Kustomization{ready("a", "2"), change(ready("b", "x"), elsewhere)}, true, "2"},
		"all of another source":           {[]*kustomizev1.Kustomization{change(ready("a", "x"), elsewhere), change(ready("b", ""), elsewhere)}, true, ""},
		"a source of another namespace":   {[]*kustomizev1.Kustomization{ready("a", "2"), change(ready("b", "x"), func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = "other" })}, true, "2"},
		"the same namespace, spelled out": {[]*kustomizev1.Kustomization{ready("a", "2"), change(ready("b", "1"), func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = "flux-system" })}, false, ""},
	} {
		k := waitingFor("k", "a", "b")
		c := dependenciesMet(stateOf(nil, append(test.others, k)...), k)
		if (c.id != "") != test.met || c.revision != test.revision {
			t.Errorf("%s: cause %+v, want met=%v at revision %q", name, c, test.met, test.revision)
		}
	}
}

// With an expression any change counts, but for a request and Flux's answer: else two that wait for each other would be
// asked for ever.
func TestExpressionIsLeftToFlux(t *testing.T) {
	t.Parallel()
	causeOf := func(do func(*kustomizev1.Kustomization)) string {
		k, a := waitingFor("k", "a"), says(unit("a"), meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "")
		k.Spec.DependsOn[0].ReadyExpr = "dep.metadata.labels['version'] == 'v1'"
		do(a)
		return dependenciesMet(stateOf(nil, k, a), k).id
	}
	before := causeOf(func(*kustomizev1.Kustomization) {})
	if before == "" {
		t.Fatal("Flux is not asked to look at an expression")
	}
	for name, test := range map[string]struct {
		do   func(*kustomizev1.Kustomization)
		same bool
	}{
		"a condition":   {func(k *kustomizev1.Kustomization) { k.Status.Conditions[0].Message = "another" }, false},
		"a revision":    {func(k *kustomizev1.Kustomization) { k.Status.LastAttemptedRevision = "2" }, false},
		"a label":       {func(k *kustomizev1.Kustomization) { k.Labels["version"] = "v1" }, false},
		"an annotation": {func(k *kustomizev1.Kustomization) { k.Annotations = map[string]string{"version": "v1"} }, false},
		"a request to reconcile, handled": {func(k *kustomizev1.Kustomization) {
			k.Annotations, k.ResourceVersion = map[string]string{meta.ReconcileRequestAnnotation: "now"}, "8"
			k.Status.LastHandledReconcileAt = "now"
		}, true},
	} {
		if after := causeOf(test.do); (after == before) != test.same {
			t.Errorf("%s: the same cause %v, want %v", name, after == before, test.same)
		}
	}
}

// A dependency that became Ready once more is another cause, and so is a new revision.
func TestReadiness(t *testing.T) {
	t.Parallel()
	before := readiness(ready("a", "1"))
	later := change(ready("a", "1"), func(k *kustomizev1.Kustomization) {
		k.Status.Conditions[0].LastTransitionTime = metav1.NewTime(now.Add(time.Second))
	})
	checked := change(ready("a", "1"), func(k *kustomizev1.Kustomization) {
		k.ResourceVersion, k.Status.LastHandledReconcileAt = "8", "now"
	})
	if readiness(later) == before || readiness(ready("a", "2")) == before || readiness(checked) != before {
		t.Errorf("causes %q, %q, %q, %q", before, readiness(later), readiness(ready("a", "2")), readiness(checked))
	}
}

// deployment is one of source-controller.
func deployment(available corev1.ConditionStatus, since time.Time) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{UID: "uid"}}
	d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: available, LastTransitionTime: metav1.NewTime(since)}}
	return d
}

// Who could not fetch an artifact is asked when all of source-controller is available.
func TestSourceController(t *testing.T) {
	t.Parallel()
	const refused = `failed to download archive: GET http://source-controller.flux-system.svc.cluster.local./x.tar.gz giving up after 10 attempt(s): connect: connection refused`
	for name, test := range map[string]struct {
		reason, message string
		waits           bool
	}{
		"refused":                    {meta.ArtifactFailedReason, refused, true},
		"an answer with an error":    {meta.ArtifactFailedReason, "failed to download archive from http://source-controller (status: 403 Forbidden)", false},
		"the source has no artifact": {meta.ArtifactFailedReason, "Source artifact not found, retrying in 30s", false},
		"another reason":             {meta.BuildFailedReason, refused, false},
	} {
		k := says(unit("k"), meta.ReadyCondition, metav1.ConditionFalse, test.reason, test.message)
		if got := waitsForSourceController(k, waiting(k)); got != test.waits {
			t.Errorf("%s: waits %v, want %v", name, got, test.waits)
		}
	}
	cameOf := func(all ...*appsv1.Deployment) string {
		return sourceControllerAvailable(&state{sourceControllers: all}, nil).id
	}
	up, down := deployment(corev1.ConditionTrue, now.Time), deployment(corev1.ConditionFalse, now.Time)
	if cameOf() != "" || cameOf(down) != "" || cameOf(up, down) != "" || cameOf(&appsv1.Deployment{}) != "" {
		t.Error("source-controller counts as available, and is not")
	}
	if cameOf(up) == "" || cameOf(up) == cameOf(deployment(corev1.ConditionTrue, now.Add(time.Minute))) {
		t.Error("each time that source-controller becomes available is to be one cause")
	}
}
