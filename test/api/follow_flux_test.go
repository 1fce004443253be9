//go:build apiserver

package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

const notRunning = "not-running" // a namespace

// Why Flux does not run is told once for each reason, and with the cure; of a Pod that is starting nothing is told; and
// nothing is watched once Flux runs.
func TestFollowTellsWhyFluxDoesNotRun(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	f := startFollowing(t, live, "helm-controller", "kustomize-controller", "source-controller")

	f.condition(t, "helm-controller", appsv1.DeploymentCondition{
		Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate",
		Message: `pods "helm-controller-5d-x2x4z" is forbidden: violates PodSecurity "restricted:latest": seccompProfile`,
	})
	f.expect(t, "Deployment helm-controller of Flux does not run: admission:", "pod-security.kubernetes.io/enforce", "start Flux")

	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: notRunning},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}}},
	}
	create(t, live, node)
	f.pod(t, "source-controller", corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "manager", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
	}}})
	f.pod(t, "kustomize-controller", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
	}}})
	f.expect(t, "Deployment kustomize-controller of Flux does not run: untolerated taint:", "add a toleration for node-role.kubernetes.io/control-plane:NoSchedule", "start Flux")

	image := func(message string) {
		f.status(t, "kustomize-controller", corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "manager", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: message}},
		}}})
	}
	image(`Back-off pulling image "ghcr.io/fluxcd/kustomize-controller:v9": ErrImagePull: ghcr.io/fluxcd/kustomize-controller:v9: not found`)
	f.expect(t, "image pull: Back-off pulling image", "no such image there", "start Flux")
	image(`Back-off pulling image "ghcr.io/fluxcd/kustomize-controller:v9": ErrImagePull: not found`) // the same again is no news

	if f.watches.Load() == 0 {
		t.Error("nothing is watched")
	}
	for _, name := range []string{"helm-controller", "kustomize-controller", "source-controller"} {
		f.condition(t, name, appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"})
	}
	f.logged(t, "a controller of Flux runs now", "deployment=kustomize-controller")
	f.logged(t, "Flux runs")
	if open := f.watches.Load(); open != 0 {
		t.Errorf("%d watches of Deployments or Pods are open although Flux runs", open)
	}
	f.end(t)
}

// following is a birth that follows, in a namespace of its own.
type following struct {
	live    cluster.Client
	events  chan string
	log     chan string
	ended   chan error
	told    int32 // Events that were expected, and came
	saves   atomic.Int32
	watches atomic.Int32
}

func startFollowing(t *testing.T, live cluster.Client, controllers ...string) *following {
	t.Helper()
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), definitions(t)); err != nil {
		t.Fatal(err)
	}
	create(t, live, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: notRunning}})
	root := kustomization("root")
	root.Namespace = notRunning
	create(t, live, root)
	for _, name := range controllers {
		create(t, live, deployment(name))
	}
	f := &following{live: live, events: make(chan string, 10), log: make(chan string, 100), ended: make(chan error, 1)}
	counted := rest.CopyConfig(admin)
	counted.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return counts{&f.watches, &f.saves, next} }
	timeline := &report.Report{}
	timeline.Add("apply the root sync", time.Now(), report.Done, "")
	b := &birth.Birth{
		Bundle: &bundle.Bundle{Root: root, Source: &sourcev1.GitRepository{}}, Cluster: newClient(t, counted),
		Log: slog.New(slog.NewTextHandler(f, nil)), Report: timeline,
		Event: func(_ context.Context, reason, message string) {
			f.events <- fmt.Sprint(reason, " ", message, " ", timeline.Steps[len(timeline.Steps)-1].Name)
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	go func() { f.ended <- b.Follow(ctx) }()
	return f
}

// Write takes one line of the log.
func (f *following) Write(line []byte) (int, error) {
	f.log <- string(line)
	return len(line), nil
}

// expect waits for the next Event, which has each of the words.
func (f *following) expect(t *testing.T, words ...string) {
	t.Helper()
	select {
	case event := <-f.events:
		f.told++
		for _, word := range append(words, "FluxNotRunning") {
			if !strings.Contains(event, word) {
				t.Errorf("told %q, want %q in it", event, word)
			}
		}
	case err := <-f.ended:
		t.Fatalf("it ended before it told %q: %v", words, err)
	}
}

// logged waits for a line of the log that has each of the words.
func (f *following) logged(t *testing.T, words ...string) {
	t.Helper()
	for {
		select {
		case line := <-f.log:
			all := true
			for _, word := range words {
				all = all && strings.Contains(line, word)
			}
			if all {
				return
			}
		case err := <-f.ended:
			t.Fatalf("it ended before it logged %q: %v", words, err)
		}
	}
}

// end has Flux apply the root, and expects that nothing more was told.
func (f *following) end(t *testing.T) {
	t.Helper()
	root := kustomization("root")
	root.Namespace = notRunning
	if err := f.live.Get(t.Context(), client.ObjectKeyFromObject(root), root); err != nil {
		t.Fatal(err)
	}
	root.Status.ObservedGeneration = root.Generation
	root.Status.Conditions = []metav1.Condition{{
		Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: meta.ReconciliationSucceededReason, LastTransitionTime: metav1.Now(), ObservedGeneration: root.Generation,
	}}
	if err := f.live.Status().Update(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	if err := <-f.ended; err != nil {
		t.Error(err)
	}
	if len(f.events) > 0 {
		t.Errorf("told again: %s", <-f.events)
	}
	if told, saved := f.told, f.saves.Load(); saved < told {
		t.Errorf("%d Events, and the report was saved %d times", told, saved)
	}
}

func (f *following) condition(t *testing.T, name string, condition appsv1.DeploymentCondition) {
	t.Helper()
	d := deployment(name)
	if err := f.live.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
		t.Fatal(err)
	}
	d.Status.Conditions = []appsv1.DeploymentCondition{condition}
	if err := f.live.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// pod creates the Pod of a controller.
func (f *following) pod(t *testing.T, name string, status corev1.PodStatus) {
	t.Helper()
	template := deployment(name).Spec.Template
	create(t, f.live, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: notRunning, Name: name, Labels: template.Labels}, Spec: template.Spec})
	f.status(t, name, status)
}

func (f *following) status(t *testing.T, name string, status corev1.PodStatus) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: notRunning, Name: name}}
	if err := f.live.Get(t.Context(), client.ObjectKeyFromObject(pod), pod); err != nil {
		t.Fatal(err)
	}
	pod.Status = status
	if err := f.live.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
}

// deployment is a controller of Flux with the labels of Flux' own manifests.
func deployment(name string) *appsv1.Deployment {
	own := map[string]string{"app": name, "app.kubernetes.io/component": name, "app.kubernetes.io/part-of": "flux"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: notRunning, Name: name, Labels: own},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: own},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: "ghcr.io/fluxcd/" + name + ":v9"}}},
			},
		},
	}
}

// create creates object until the test ends.
func create(t *testing.T, live cluster.Client, object client.Object) {
	t.Helper()
	if err := live.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := live.Delete(context.Background(), object, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
}

// counts knows how many watches of Deployments and Pods are open, and how often the report was to be saved.
type counts struct {
	open, saves *atomic.Int32
	next        http.RoundTripper
}

func (c counts) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet && strings.Contains(request.URL.Path, "/namespaces/"+set.Namespace+"/configmaps") {
		c.saves.Add(1)
	}
	response, err := c.next.RoundTrip(request)
	of := strings.HasSuffix(request.URL.Path, "/deployments") || strings.HasSuffix(request.URL.Path, "/pods")
	of = of && !strings.Contains(request.URL.Query().Get("labelSelector"), "component") // who waits for source-controller goes on
	if err != nil || !of || request.URL.Query().Get("watch") == "" {
		return response, err
	}
	c.open.Add(1)
	response.Body = &watched{ReadCloser: response.Body, open: c.open}
	return response, nil
}

type watched struct {
	io.ReadCloser
	open   *atomic.Int32
	closed atomic.Bool
}

func (w *watched) Close() error {
	if w.closed.CompareAndSwap(false, true) {
		w.open.Add(-1)
	}
	return w.ReadCloser.Close()
}
