//go:build apiserver

package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

// tree creates the named Kustomizations, the first being the root with the others in its inventory.
func tree(t *testing.T, live cluster.Client, names ...string) types.NamespacedName {
	t.Helper()
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), fluxObjects(t)); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		k := kustomization(name)
		if err := live.Create(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := live.Delete(context.Background(), k); client.IgnoreNotFound(err) != nil {
				t.Error(err)
			}
		})
	}
	return types.NamespacedName{Namespace: "flux-system", Name: names[0]}
}

// reconcile plays kustomize-controller for one Kustomization: it writes a status and nothing else.
func reconcile(t *testing.T, live cluster.Client, name string, status metav1.ConditionStatus, message string, children ...string) {
	t.Helper()
	reconcileBecause(t, live, name, status, "Test", message, children...)
}

func reconcileBecause(t *testing.T, live cluster.Client, name string, status metav1.ConditionStatus, reason, message string, children ...string) {
	t.Helper()
	var k kustomizev1.Kustomization
	if err := live.Get(t.Context(), types.NamespacedName{Namespace: "flux-system", Name: name}, &k); err != nil {
		t.Fatal(err)
	}
	k.Status.ObservedGeneration = k.Generation
	if status != metav1.ConditionTrue && reason != "Test" { // as kustomize-controller does while it has never succeeded
		k.Status.ObservedGeneration = -1
	}
	k.Status.Conditions = []metav1.Condition{{
		Type: meta.ReadyCondition, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.Now(), ObservedGeneration: k.Generation,
	}}
	if status == metav1.ConditionTrue {
		k.Status.LastAppliedRevision = "main@sha1:1"
	}
	k.Status.Inventory = &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{}}
	for _, child := range children {
		k.Status.Inventory.Entries = append(k.Status.Inventory.Entries,
			kustomizev1.ResourceRef{ID: "flux-system_" + child + "_kustomize.toolkit.fluxcd.io_Kustomization", Version: "v1"})
	}
	if err := live.Status().Update(t.Context(), &k); err != nil {
		t.Fatal(err)
	}
}

// The tree stands only when the root and everything in its inventory is Ready; each change is told once.
func TestFollowWaitsForTheWholeTree(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "root", "child")
	seen := make(chan follow.Unit, 100)
	type result struct {
		units []follow.Unit
		err   error
	}
	done := make(chan result, 1)
	go func() {
		units, err := follow.Tree(t.Context(), live, root, func(u follow.Unit) { seen <- u })
		close(seen) // what was told before the end is read first
		done <- result{units, err}
	}()
	expect := func(name string, ready bool, reason string) {
		t.Helper()
		u, ok := <-seen
		if !ok {
			t.Fatalf("it ended early: %+v", <-done)
		}
		if u.Key.Name != name || u.Ready != ready || !strings.Contains(u.Reason, reason) {
			t.Fatalf("told %+v, want %s ready=%v %q", u, name, ready, reason)
		}
	}
	expect("root", false, "not seen by kustomize-controller yet")
	reconcile(t, live, "root", metav1.ConditionTrue, "applied", "child", "grandchild-of-nobody")
	expect("root", true, "")
	expect("child", false, "not seen by kustomize-controller yet")
	expect("grandchild-of-nobody", false, "not in the cluster yet")
	reconcile(t, live, "child", metav1.ConditionFalse, "the image cannot be pulled")
	expect("child", false, "the image cannot be pulled")
	reconcile(t, live, "root", metav1.ConditionTrue, "applied", "child")
	reconcile(t, live, "child", metav1.ConditionTrue, "applied")
	expect("child", true, "")
	r := <-done
	if r.err != nil || len(r.units) != 2 || !r.units[0].Ready || !r.units[1].Ready {
		t.Errorf("ended with %+v", r)
	}
}

func TestFollowRefusesASuspendedUnit(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "paused")
	var k kustomizev1.Kustomization
	if err := live.Get(t.Context(), root, &k); err != nil {
		t.Fatal(err)
	}
	k.Spec.Suspend = true
	if err := live.Update(t.Context(), &k); err != nil {
		t.Fatal(err)
	}
	_, err := follow.Tree(t.Context(), live, root, func(follow.Unit) {})
	if err == nil || !strings.Contains(err.Error(), "flux-system/paused is suspended") {
		t.Errorf("Tree: %v, want the suspended unit named", err)
	}
}

// refuse fails the test if anybody is asked: no login, no fetch.
type refuse struct{ t *testing.T }

func (r refuse) RoundTrip(request *http.Request) (*http.Response, error) {
	r.t.Errorf("asked %s", request.URL.Host)
	return nil, errors.New("refused by the test")
}

// On a cluster that Flux reconciles already, seed asks nobody and writes nothing: it gets by as a reader.
func TestSecondRunOnlyReads(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "second")
	reconcile(t, live, "second", metav1.ConditionTrue, "applied")
	reader := rest.CopyConfig(admin)
	reader.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return onlyReads{t, next} }

	k := kustomization(root.Name)
	b := &birth.Birth{
		Bundle:  &bundle.Bundle{Root: k, Source: &sourcev1.GitRepository{}},
		Cluster: newClient(t, reader), Vault: &http.Client{Transport: refuse{t}}, WorkDir: t.TempDir(),
		Log: slog.New(slog.DiscardHandler), Report: &report.Report{},
		Event: func(_ context.Context, reason, message string) { t.Errorf("Event %s: %s", reason, message) },
	}
	planted, err := b.Plant(t.Context())
	if err != nil || planted {
		t.Errorf("Plant = %v, %v, want nothing planted", planted, err)
	}
	if err := b.Follow(t.Context()); err != nil {
		t.Error(err)
	}
	if len(b.Report.Units) != 1 || !b.Report.Units[0].Ready {
		t.Errorf("units %+v", b.Report.Units)
	}
}

// onlyReads fails the test at any request that is not a read.
type onlyReads struct {
	t    *testing.T
	next http.RoundTripper
}

func (o onlyReads) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		o.t.Errorf("%s %s", request.Method, request.URL.Path)
	}
	return o.next.RoundTrip(request)
}
