package follow

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// flux is Flux as seen at some moment: its controllers, and a Pod for each that has one.
type flux struct {
	*patient
	deployments []*appsv1.Deployment
	pods        []*corev1.Pod
	told        []string
	start       time.Time
}

func newFlux(t *testing.T, names ...string) *flux {
	t.Helper()
	f := &flux{start: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	f.patient = newPatient(lists{nodes: readAll[corev1.Node](t, []string{controlPlane})},
		func(trouble Trouble) { f.told = append(f.told, trouble.String()) }, func(name string) { f.told = append(f.told, name+" runs") })
	for _, name := range names {
		f.deployments = append(f.deployments, read[appsv1.Deployment](t, `{metadata: {name: `+name+`}, spec: {selector: {matchLabels: {app: `+name+`}}}}`))
	}
	return f
}

// pod gives the controller name a Pod in place of the one that it had.
func (f *flux) pod(t *testing.T, name, text string) {
	t.Helper()
	pod := read[corev1.Pod](t, text)
	pod.Name, pod.Labels = name+"-1", map[string]string{"app": name}
	f.pods = append(slices.DeleteFunc(f.pods, func(p *corev1.Pod) bool { return p.Name == pod.Name }), pod)
}

func (f *flux) runs(name string) {
	at := slices.IndexFunc(f.deployments, func(d *appsv1.Deployment) bool { return d.Name == name })
	f.deployments[at].Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue}}
}

// after judges at that moment and expects what is told then, in words that it holds, and when to be asked again.
func (f *flux) after(t *testing.T, at, again time.Duration, want ...string) {
	t.Helper()
	f.told = nil
	all, next := f.judge(t.Context(), f.deployments, f.pods, f.start.Add(at))
	if all || next != again {
		t.Errorf("after %s: all run: %v, asked again after %s, want %s", at, all, next, again)
	}
	if len(f.told) != len(want) {
		t.Fatalf("after %s told %q, want %q", at, f.told, want)
	}
	for i := range want {
		if !strings.Contains(f.told[i], want[i]) {
			t.Errorf("after %s told %q, want %q in it", at, f.told[i], want[i])
		}
	}
}

// A taint is told when it has lasted, once, and of both controllers together; what has changed since counts from then.
func TestTaintIsToldOnceItLasts(t *testing.T) {
	t.Parallel()
	f := newFlux(t, "kustomize-controller", "source-controller")
	f.after(t, 0, 0)
	f.pod(t, "kustomize-controller", unschedulable(untoleratedTaints))
	f.after(t, time.Second, 15*time.Second)
	f.pod(t, "source-controller", unschedulable(untoleratedTaints))
	f.after(t, 3*time.Second, 13*time.Second)
	f.after(t, 15*time.Second, time.Second)
	f.after(t, 16*time.Second, 2*time.Second,
		"Deployments kustomize-controller, source-controller of Flux do not run: untolerated taint: 0/1 nodes are available")
	f.after(t, 18*time.Second, 15*time.Second)
	f.after(t, 33*time.Second, 15*time.Second)
	f.pod(t, "source-controller", waits("ImagePullBackOff", "Back-off pulling image"))
	f.after(t, 40*time.Second, 2*time.Second)
	f.after(t, 42*time.Second, 15*time.Second, "Deployment source-controller of Flux does not run: image pull")
}

// What passes in time is not told: a Pod that is scheduled late, a pull that ends well at its second try.
func TestWhatPassesIsNotTold(t *testing.T) {
	t.Parallel()
	f := newFlux(t, "source-controller")
	f.pod(t, "source-controller", unschedulable(untoleratedTaints))
	f.after(t, 0, 15*time.Second)
	f.pod(t, "source-controller", waits("ContainerCreating", ""))
	f.after(t, 14*time.Second, 0)
	f.pod(t, "source-controller", unschedulable(untoleratedTaints)) // another Pod
	f.after(t, 16*time.Second, 15*time.Second)
	f.pod(t, "source-controller", waits("ErrImagePull", "connection refused"))
	f.after(t, 30*time.Second, 15*time.Second)
	f.runs("source-controller")
	if all, again := f.judge(t.Context(), f.deployments, f.pods, f.start.Add(time.Minute)); !all || again != 0 || len(f.told) > 0 {
		t.Errorf("all run: %v, asked again after %s, told %q", all, again, f.told)
	}
}

// A pull that fails shows two reasons in turn, and other addresses each time: that is no news. Another error is.
func TestTheSameReasonIsToldOnce(t *testing.T) {
	t.Parallel()
	f := newFlux(t, "helm-controller", "source-controller")
	f.pod(t, "source-controller", waits("ErrImagePull", "read udp 10.0.0.5:41541->10.0.0.2:53: i/o timeout"))
	f.after(t, 0, 15*time.Second)
	f.pod(t, "source-controller", waits("ImagePullBackOff", "Back-off pulling image: ErrImagePull: read udp 10.0.0.5:41541->10.0.0.2:53: i/o timeout"))
	f.after(t, 2*time.Second, 15*time.Second, "41541")
	f.pod(t, "source-controller", waits("ImagePullBackOff", "Back-off pulling image: ErrImagePull: read udp 10.0.0.5:55667->10.0.0.2:53: i/o timeout"))
	f.after(t, 60*time.Second, 15*time.Second)
	f.pod(t, "source-controller", waits("ImagePullBackOff", "Back-off pulling image: ErrImagePull: 401 Unauthorized"))
	f.after(t, 120*time.Second, 15*time.Second, "RegistryAuthConfig")
	f.runs("source-controller")
	f.after(t, 130*time.Second, 0, "source-controller runs")
	f.after(t, 131*time.Second, 0)
}

// A controller that ran and does not for a while has stopped; one that is replaced in time has not.
func TestStopped(t *testing.T) {
	t.Parallel()
	f := newFlux(t, "helm-controller", "source-controller")
	f.runs("helm-controller")
	f.runs("source-controller")
	available := func(status corev1.ConditionStatus) { f.deployments[1].Status.Conditions[0].Status = status }
	since := map[string]time.Time{}
	for i, test := range []struct {
		after  time.Duration
		status corev1.ConditionStatus
		names  string
		again  time.Duration
	}{
		{0, corev1.ConditionTrue, "", 0},
		{time.Minute, corev1.ConditionFalse, "", 15 * time.Second},
		{time.Minute + 10*time.Second, corev1.ConditionFalse, "", 5 * time.Second},
		{time.Minute + 14*time.Second, corev1.ConditionTrue, "", 0},
		{2 * time.Minute, corev1.ConditionFalse, "", 15 * time.Second},
		{2*time.Minute + 15*time.Second, corev1.ConditionFalse, "source-controller", 0},
	} {
		available(test.status)
		names, again := stopped(f.deployments, since, f.start.Add(test.after))
		if strings.Join(names, " ") != test.names || again != test.again {
			t.Errorf("%d: stopped %q, again after %s", i, names, again)
		}
	}
}
