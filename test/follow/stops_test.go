//go:build apiserver

package follow_test

import (
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Who follows for ever tells of a controller of Flux that ran and stops, and when it runs again.
func TestFluxStops(t *testing.T) {
	live := plant(t, "stops", "main")
	labels := map[string]string{"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": "source-controller"}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "stops", Name: "source-controller", Labels: labels}}
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	d.Spec.Template.Labels = labels
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "manager", Image: "source-controller"}}
	if err := live.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	becomes := func(available corev1.ConditionStatus) {
		t.Helper()
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: available, LastTransitionTime: metav1.Now()}}
		if err := live.Status().Update(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	becomes(corev1.ConditionTrue)
	p := begin(t, admin, "--watch", "--read-only", "--root", "stops/main", "--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0")
	const runs, stops = `"msg":"Flux runs"`, `"msg":"Flux does not run any more","deployments":["source-controller"]`
	until(t, "Flux runs", func() bool { return strings.Contains(p.stderr.String(), runs) })
	becomes(corev1.ConditionFalse)
	until(t, "it stops", func() bool { return strings.Contains(p.stderr.String(), stops) })
	becomes(corev1.ConditionTrue)
	until(t, "it runs again", func() bool { return strings.Count(p.stderr.String(), runs) == 2 })
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}
