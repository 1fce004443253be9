//go:build root

package e2e_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/talos"
)

// seed claims and plants on a node without a network. What needs one starts when it is there.
func TestLateCNI(t *testing.T) {
	w := newWorldWith(t, life.Options{Talos: talos.Inventory, CNI: life.CNILate + "0s"}) // so long after it is asked for below
	if err := w.Push(t.Context(), "../.."); err != nil {
		t.Fatal(err)
	}
	w.plantUntil(t, "../..", w.untilPlanted)
	testVault(t, w)
	testNoNetwork(t, w)
	if err := w.BringCNI(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	if err := w.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	testTimeline(t, w)
	testBlog(t, w)
}

// untilPlanted returns when seed's report says that the root is applied: from there on seed only follows.
func (w *world) untilPlanted(ctx context.Context) error {
	selector := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", life.SeedReport).String()}
	return w.follow(ctx, corev1.SchemeGroupVersion.WithResource("configmaps"), life.SeedNamespace, selector, func(report *unstructured.Unstructured) bool {
		table, _ := field(report.Object, "data", "report.txt")
		text, _ := table.(string)
		return strings.Contains(text, "apply the root sync")
	})
}

// testNoNetwork looks at what a node without a network has: no kube-proxy, and no Pod that runs but on the host's network.
func testNoNetwork(t *testing.T, w *world) {
	t.Helper()
	live, err := w.core.CoreV1().Nodes().Get(t.Context(), node.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, condition := range live.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			t.Error("the node is Ready before it has a network")
		}
	}
	if w.started(t, "kube-proxy") {
		t.Error("kube-proxy runs before there is a network")
	}
	pods, err := w.core.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		if p.Status.Phase == corev1.PodRunning && !p.Spec.HostNetwork {
			t.Errorf("Pod %s/%s runs without a network", p.Namespace, p.Name)
		}
	}
}

// started tells whether a component of the node was started.
func (w *world) started(t *testing.T, component string) bool {
	t.Helper()
	report, err := node.Status(w.NodeDir())
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(report.Events, func(e node.Event) bool { return e.Name == node.Started && e.Component == component })
}

// The network comes by a planted unit: before Flux, which needs it.
func TestCNIFromTheTree(t *testing.T) {
	w := newWorldWith(t, life.Options{Talos: talos.Inventory, CNI: life.CNITree})
	if w.started(t, "kube-proxy") {
		t.Error("kube-proxy runs before there is a network")
	}
	tree := t.TempDir()
	if err := w.CopyTree(tree); err != nil {
		t.Fatal(err)
	}
	if err := life.SetCNI(tree); err != nil {
		t.Fatal(err)
	}
	w.birth(t, tree)
	testTimeline(t, w)
	testBlog(t, w)
	table, err := w.Timeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cni, flux := strings.Index(table, "apply Kustomization cni"), strings.Index(table, "apply Kustomization flux"); cni < 0 || flux < cni {
		t.Errorf("the network was not planted before Flux:\n%s", table)
	}
	if ready, message := w.ready(t, "cni"); !ready {
		t.Errorf("Kustomization cni is not Ready: %s", message)
	}
	if !w.started(t, "kube-proxy") {
		t.Error("kube-proxy does not run")
	}
	testOwnership(t, w, 42)
}

// On a node that keeps its taint Flux runs and reconciles the root. The rest is there, but no node takes its Pods.
func TestTaint(t *testing.T) {
	w := newWorldWith(t, life.Options{Talos: talos.Inventory, Taint: true})
	if err := w.Push(t.Context(), "../.."); err != nil {
		t.Fatal(err)
	}
	w.plantUntil(t, "../..", w.FollowFlux)
	for _, name := range []string{"flux", fluxSystem} {
		if ready, message := w.ready(t, name); !ready {
			t.Errorf("Kustomization %s is not Ready: %s", name, message)
		}
	}
	missing, err := w.Unscheduled(t.Context())
	if err != nil || !strings.Contains(missing, "untolerated taint") {
		t.Errorf("%v: castle up would say that this is missing:\n%s", err, missing)
	}
	if strings.Contains(missing, "Pod "+fluxSystem+"/") || strings.Contains(missing, "Pod kube-system/") {
		t.Errorf("a Pod of the base is not scheduled:\n%s", missing)
	}
	pods, err := w.core.CoreV1().Pods(life.SeedNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 || pods.Items[0].Status.Phase != corev1.PodRunning {
		t.Errorf("%v: seed does not follow: %+v", err, pods.Items)
	}
	if ready, _ := w.ready(t, "infrastructure-operators-core"); ready {
		t.Error("a unit that needs a worker is Ready without one")
	}
}

// A tree that does not bring Flux the toleration for that taint: seed names the cause.
func TestTaintWithoutToleration(t *testing.T) {
	w := newWorldWith(t, life.Options{Talos: talos.Inventory, Taint: true})
	tree := t.TempDir()
	if err := w.CopyTree(tree); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(tree, "clusters/base/flux.yaml")
	replace(t, file, "key: node-role.kubernetes.io/control-plane\n", "key: node-role.kubernetes.io/another\n")
	if err := w.Push(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	why := ""
	selector := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("reason", "FluxNotRunning").String()}
	w.plantUntil(t, tree, func(ctx context.Context) error {
		return w.follow(ctx, corev1.SchemeGroupVersion.WithResource("events"), life.SeedNamespace, selector, func(event *unstructured.Unstructured) bool {
			message, _ := field(event.Object, "message")
			why = fmt.Sprint(message)
			return true
		})
	})
	t.Log(why)
	for _, want := range []string{"source-controller", "untolerated taint", "node-role.kubernetes.io/control-plane", "toleration"} {
		if !strings.Contains(why, want) {
			t.Errorf("the Event does not say %q: %s", want, why)
		}
	}
}
