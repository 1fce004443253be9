//go:build apiserver

package api_test

import (
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
)

// Who could not fetch its artifact is asked when source-controller has become available, and not before.
func TestNudgeWhenSourceControllerIsAvailable(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), definitions(t)); err != nil {
		t.Fatal(err)
	}
	const ns = "nudge-source"
	labels := map[string]string{"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": "source-controller"}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "source-controller", Labels: labels}}
	deployment.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	deployment.Spec.Template.Labels = labels
	deployment.Spec.Template.Spec.Containers = []corev1.Container{{Name: "manager", Image: "source-controller"}}
	root := kustomization("root")
	root.Namespace = ns
	for _, object := range []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, deployment, root} {
		if err := live.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	becomes := func(status corev1.ConditionStatus) {
		t.Helper()
		deployment.Status.ObservedGeneration = deployment.Generation
		deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: status, LastTransitionTime: metav1.Now()}}
		if err := live.Status().Update(t.Context(), deployment); err != nil {
			t.Fatal(err)
		}
	}
	becomes(corev1.ConditionFalse)
	root.Status.Conditions = []metav1.Condition{{
		Type: meta.ReadyCondition, Status: metav1.ConditionFalse, Reason: meta.ArtifactFailedReason, ObservedGeneration: root.Generation,
		Message: "failed to download archive: GET http://source-controller." + ns + ".svc/x giving up after 10 attempt(s): connection refused", LastTransitionTime: metav1.Now(),
	}}
	if err := live.Status().Update(t.Context(), root); err != nil {
		t.Fatal(err)
	}

	ended := startNudging(t, live, root)
	becomes(corev1.ConditionFalse)
	if err := live.Get(t.Context(), client.ObjectKeyFromObject(root), root); err != nil || root.Annotations[meta.ReconcileRequestAnnotation] != "" {
		t.Errorf("%v; asked before source-controller was available: %v", err, root.Annotations)
	}
	becomes(corev1.ConditionTrue)
	until(t, live, root, "asked", func(k *kustomizev1.Kustomization) bool { return k.Annotations[meta.ReconcileRequestAnnotation] != "" })
	if told := ended(1); len(told) != 1 || told["Kustomization: source-controller available"] != 1 {
		t.Errorf("told %v", told)
	}
}
