//go:build apiserver

package follow_test

import (
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

const revision = "main@sha1:4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// ready is the condition of a unit that was applied, and waiting that of one whose dependency was not Ready.
var (
	ready   = metav1.Condition{Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: meta.ReconciliationSucceededReason, Message: "Applied revision: " + revision}
	waiting = metav1.Condition{Type: meta.ReadyCondition, Status: metav1.ConditionFalse, Reason: meta.DependencyNotReadyReason, Message: "dependency 'a' is not ready"}
)

// plant makes a tree as Flux would have it: a root that brought a and b, of which b waits for a although a is Ready.
func plant(t *testing.T, namespace, root string) cluster.Client {
	t.Helper()
	live, err := cluster.ForConfig(admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	source := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: root}}
	source.Spec = sourcev1.GitRepositorySpec{URL: "https://git.example.com/it.git"}
	create(t, live, source, func() {
		source.Status.ObservedGeneration = source.Generation
		source.Status.Artifact = &meta.Artifact{Revision: revision, Path: "it", URL: "http://source-controller/it", Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", LastUpdateTime: metav1.Now()}
	})
	unit(t, live, namespace, root, root, ready)
	unit(t, live, namespace, root, "a", ready)
	unit(t, live, namespace, root, "b", waiting, "a")
	return live
}

func unit(t *testing.T, live cluster.Client, namespace, root, name string, condition metav1.Condition, needs ...string) {
	t.Helper()
	k := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if name != root {
		k.Labels = map[string]string{kustomizev1.GroupVersion.Group + "/name": root, kustomizev1.GroupVersion.Group + "/namespace": namespace}
	}
	k.Spec = kustomizev1.KustomizationSpec{Path: "./", SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: root}, Interval: metav1.Duration{Duration: 3600e9}}
	for _, need := range needs {
		k.Spec.DependsOn = append(k.Spec.DependsOn, kustomizev1.DependencyReference{Name: need})
	}
	create(t, live, k, func() {
		condition.ObservedGeneration, condition.LastTransitionTime = k.Generation, metav1.Now()
		k.Status.Conditions = []metav1.Condition{condition}
		k.Status.ObservedGeneration = k.Generation
		if condition.Status == metav1.ConditionTrue {
			k.Status.LastAppliedRevision = revision
		}
		if name == root {
			k.Status.Inventory = &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{
				{ID: namespace + "_a_kustomize.toolkit.fluxcd.io_Kustomization", Version: "v1"},
				{ID: namespace + "_b_kustomize.toolkit.fluxcd.io_Kustomization", Version: "v1"},
			}}
		}
	})
}

// create creates an object with what its controller says of it.
func create(t *testing.T, live cluster.Client, object client.Object, status func()) {
	t.Helper()
	if err := live.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	status()
	if err := live.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// becomes gives a unit that condition.
func becomes(t *testing.T, live cluster.Client, namespace, name string, condition metav1.Condition) {
	t.Helper()
	k := &kustomizev1.Kustomization{}
	if err := live.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, k); err != nil {
		t.Fatal(err)
	}
	condition.ObservedGeneration, condition.LastTransitionTime = k.Generation, metav1.Now()
	k.Status.ObservedGeneration, k.Status.Conditions, k.Status.LastAppliedRevision = k.Generation, []metav1.Condition{condition}, revision
	if err := live.Status().Update(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

// brings gives a unit that inventory.
func brings(t *testing.T, live cluster.Client, namespace, name string, ids ...string) {
	t.Helper()
	k := &kustomizev1.Kustomization{}
	if err := live.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, k); err != nil {
		t.Fatal(err)
	}
	k.Status.Inventory = &kustomizev1.ResourceInventory{}
	for _, id := range ids {
		k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: id, Version: "v1"})
	}
	if err := live.Status().Update(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

// release makes a HelmRelease that is installed.
func release(t *testing.T, live cluster.Client, namespace, name string) {
	t.Helper()
	h := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	h.Spec = helmv2.HelmReleaseSpec{
		Interval: metav1.Duration{Duration: time.Hour}, ChartRef: &helmv2.CrossNamespaceSourceReference{Kind: "OCIRepository", Name: name},
	}
	create(t, live, h, func() {
		h.Status.ObservedGeneration = h.Generation
		h.Status.Conditions = []metav1.Condition{{
			Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: helmv2.InstallSucceededReason, ObservedGeneration: h.Generation, LastTransitionTime: metav1.Now(),
		}}
	})
}

// asked is when somebody asked for the unit last; empty is never.
func asked(t *testing.T, live cluster.Client, namespace, name string) string {
	t.Helper()
	k := &kustomizev1.Kustomization{}
	if err := live.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, k); err != nil {
		t.Fatal(err)
	}
	return k.Annotations[meta.ReconcileRequestAnnotation]
}
