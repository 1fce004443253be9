//go:build apiserver

package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	"github.com/tazlab/seed/internal/live"
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

func newCache(ctx context.Context, cluster cluster.Client, log *slog.Logger) *live.Cache {
	return live.New(ctx, cluster, log)
}

// told follows root with a cache of its own until done says so or the test ends. It tells of each unit that has changed.
func told(t *testing.T, cluster cluster.Client, roots []types.NamespacedName, also []follow.ID, done func(all []follow.Unit) bool) (changed chan follow.Unit, ended chan error) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	changed, ended = make(chan follow.Unit, 100), make(chan error, 1)
	cache := newCache(ctx, cluster, log)
	var running sync.WaitGroup
	running.Go(func() {
		tree := follow.Tree{Cache: cache, Roots: roots, Also: also, Log: log, Changed: func(all, news []follow.Unit) bool {
			for _, u := range news {
				changed <- u
			}
			return done(all)
		}}
		ended <- tree.Follow(ctx)
		close(changed)
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		cache.Wait()
	})
	return changed, ended
}

// next expects the next change.
func next(t *testing.T, changed chan follow.Unit, name string, phase report.Phase, reason string) follow.Unit {
	t.Helper()
	u, ok := <-changed
	if !ok {
		t.Fatalf("it ended before it told of %s", name)
	}
	if u.String() != name || u.Phase != phase || !strings.Contains(u.Reason, reason) {
		t.Fatalf("told %s ready=%v %s %q, want %s %s %q", u, u.Ready, u.Phase, u.Reason, name, phase, reason)
	}
	return u
}

func allReady(all []follow.Unit) bool {
	return !slices.ContainsFunc(all, func(u follow.Unit) bool { return !u.Ready })
}

// The tree is the root and everything in its inventory; each change is told once.
func TestFollowWaitsForTheWholeTree(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "root", "child")
	changed, ended := told(t, live, []types.NamespacedName{root}, nil, allReady)
	next(t, changed, "flux-system/root", report.PhaseQueued, "not seen by kustomize-controller yet")
	reconcile(t, live, "root", metav1.ConditionTrue, "applied", "child", "grandchild-of-nobody")
	next(t, changed, "flux-system/root", report.PhaseReady, "")
	next(t, changed, "flux-system/child", report.PhaseQueued, "not seen by kustomize-controller yet")
	next(t, changed, "flux-system/grandchild-of-nobody", report.PhaseAbsent, "not in the cluster yet")
	reconcile(t, live, "child", metav1.ConditionFalse, "the image cannot be pulled")
	next(t, changed, "flux-system/child", report.PhaseFailed, "the image cannot be pulled")
	reconcile(t, live, "root", metav1.ConditionTrue, "applied", "child")
	reconcile(t, live, "child", metav1.ConditionTrue, "applied")
	next(t, changed, "flux-system/child", report.PhaseReady, "")
	if err := <-ended; err != nil {
		t.Error(err)
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
