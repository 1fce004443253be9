package nudge

import (
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const refused = `failed to download archive: GET http://source-controller.flux-system.svc.cluster.local./x.tar.gz giving up after 10 attempt(s): connect: connection refused`

// lost is a Kustomization that could not fetch its artifact.
func lost(reason, message string) *kustomizev1.Kustomization {
	return says(kustomization("lost"), meta.ReadyCondition, metav1.ConditionFalse, reason, message)
}

// deployment is one of source-controller.
func deployment(available corev1.ConditionStatus, since time.Time) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metadata("source-controller")}
	d.Labels = map[string]string{"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": "source-controller"}
	d.Status.ObservedGeneration = d.Generation
	d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: available, LastTransitionTime: metav1.NewTime(since)}}
	return d
}

// Who could not fetch an artifact is asked when all of source-controller is available.
func TestSourceController(t *testing.T) {
	t.Parallel()
	of := func(waits client.Object, all ...client.Object) string {
		return causeOf(t, "source-controller available", waits, all...).id
	}
	up, down := deployment(corev1.ConditionTrue, now.Time), deployment(corev1.ConditionFalse, now.Time)
	for name, test := range map[string]struct {
		reason, message string
		waits           bool
	}{
		"refused":                    {meta.ArtifactFailedReason, refused, true},
		"an answer with an error":    {meta.ArtifactFailedReason, "failed to download archive from http://source-controller (status: 403 Forbidden)", false},
		"the source has no artifact": {meta.ArtifactFailedReason, "Source artifact not found, retrying in 30s", false},
		"Git lacks the path": {
			meta.ArtifactFailedReason, "kustomization path not found: stat /tmp/kustomization-1464362706/apps: no such file or directory", false,
		},
		"another reason": {meta.BuildFailedReason, refused, false},
	} {
		if got := of(lost(test.reason, test.message), up) != ""; got != test.waits {
			t.Errorf("%s: waits %v, want %v", name, got, test.waits)
		}
	}
	waits := lost(meta.ArtifactFailedReason, refused)
	elsewhere := change(deployment(corev1.ConditionTrue, now.Time), func(d *appsv1.Deployment) { d.Namespace = "other" })
	rollout := change(deployment(corev1.ConditionTrue, now.Time), func(d *appsv1.Deployment) { d.Generation++ })
	if of(waits) != "" || of(waits, down) != "" || of(waits, up, down) != "" || of(waits, elsewhere) != "" || of(waits, rollout) != "" {
		t.Error("source-controller counts as available, and is not")
	}
	if of(waits, up) == of(waits, deployment(corev1.ConditionTrue, now.Add(time.Minute))) {
		t.Error("each time that source-controller becomes available is to be one cause")
	}
}

// It is watched while somebody waits for it.
func TestSourceControllerIsWatchedOnDemand(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	f.judge(n, lost(meta.ArtifactFailedReason, refused))
	expect(t, f, "without source-controller", "")
	if f.watches() != "Deployment GitRepository" {
		t.Errorf("watched %s", f.watches())
	}
	f.judge(n, lost(meta.ArtifactFailedReason, refused), deployment(corev1.ConditionTrue, now.Add(-time.Hour)))
	expect(t, f, "source-controller was there all the time", "")
	for range 2 {
		f.judge(n, lost(meta.ArtifactFailedReason, refused), deployment(corev1.ConditionTrue, now.Add(-time.Second)))
	}
	expect(t, f, "source-controller came just before the failure was told", "lost")
	f.judge(n, ready("lost", "1"), deployment(corev1.ConditionTrue, now.Time))
	if f.watches() != "" {
		t.Errorf("still watches %s", f.watches())
	}
}

// A name that could not be looked up waits for DNS too.
func TestSourceControllerIsLookedUp(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	waits := lost(meta.ArtifactFailedReason, `failed to download archive: GET http://source-controller.flux-system.svc.cluster.local./x.tar.gz giving up after 10 attempt(s): `+
		`dial tcp: lookup source-controller.flux-system.svc.cluster.local. on 10.96.0.10:53: read: connection refused`)
	f.judge(n, waits, deployment(corev1.ConditionTrue, now.Time))
	expect(t, f, "without DNS", "")
	long := deployment(corev1.ConditionTrue, now.Add(-5*time.Minute))
	dns := slice("10.0.0.2", nil, now.Add(time.Minute))
	dns.Namespace, dns.Labels["kubernetes.io/service-name"] = "kube-system", "kube-dns"
	f.now = now.Add(2 * time.Minute)
	for range 2 {
		f.judge(n, waits, long, dns)
	}
	expect(t, f, "with DNS", "lost")
}
