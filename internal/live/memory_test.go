package live_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// A large cluster, and what may stay of it in memory: twice what was measured.
const (
	manyUnits, manyReleases = 1000, 500
	entries                 = 300     // of each unit's inventory
	values                  = 100_000 // bytes of each release
	budget                  = 6 << 20 // bytes
)

var units = live.Query{Kind: kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind)}

// large is an API server of many large objects. It makes them anew each time, and keeps none.
type large struct {
	client.WithWatch
	units, releases *watch.FakeWatcher
}

func (l *large) Scheme() *kruntime.Scheme {
	scheme := kruntime.NewScheme()
	_ = helmv2.AddToScheme(scheme)
	_ = kustomizev1.AddToScheme(scheme)
	return scheme
}

func (l *large) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.SetResourceVersion("1")
	switch list := list.(type) {
	case *kustomizev1.KustomizationList:
		for i := range manyUnits {
			list.Items = append(list.Items, *unit(i, "1"))
		}
	case *helmv2.HelmReleaseList:
		for i := range manyReleases {
			list.Items = append(list.Items, *release(i, "1"))
		}
	}
	return nil
}

func (l *large) Watch(_ context.Context, list client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
	if (&client.ListOptions{}).ApplyOptions(options).Raw.SendInitialEvents != nil {
		return nil, errors.New("sendInitialEvents is forbidden")
	}
	if _, is := list.(*helmv2.HelmReleaseList); is {
		return l.releases, nil
	}
	return l.units, nil
}

func metadata(name, version string) metav1.ObjectMeta {
	now := metav1.Now()
	return metav1.ObjectMeta{
		Namespace: "flux-system", Name: name, ResourceVersion: version, Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "root"},
		Annotations:   map[string]string{"kubectl.kubernetes.io/last-applied-configuration": strings.Repeat("x", 2000)},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kustomize-controller", Time: &now, FieldsV1: &metav1.FieldsV1{Raw: make([]byte, 2000)}}},
	}
}

func conditions(name string) []metav1.Condition {
	return []metav1.Condition{{Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: meta.ReconciliationSucceededReason, Message: "Applied revision: main@sha1:" + name}}
}

// unit brings many objects, of which some are looked for.
func unit(i int, version string) *kustomizev1.Kustomization {
	name := fmt.Sprintf("unit-%d", i)
	k := &kustomizev1.Kustomization{ObjectMeta: metadata(name, version)}
	k.Spec.Path = strings.Repeat("x", 1000)
	k.Status.Conditions, k.Status.Inventory = conditions(name), &kustomizev1.ResourceInventory{}
	for j := range entries {
		kind := "_ConfigMap"
		if j%100 == 0 {
			kind = "helm.toolkit.fluxcd.io_HelmRelease"
		}
		k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: fmt.Sprintf("namespace-%d_name-of-an-object-%d_%s", i, j, kind), Version: "v1"})
	}
	for j := range meta.HistoryMaxSize {
		k.Status.History = append(k.Status.History, meta.Snapshot{Digest: fmt.Sprintf("sha256:%064d", j), Metadata: map[string]string{"revision": fmt.Sprintf("main@sha1:%040d", j)}})
	}
	return k
}

func release(i int, version string) *helmv2.HelmRelease {
	name := fmt.Sprintf("release-%d", i)
	r := &helmv2.HelmRelease{ObjectMeta: metadata(name, version)}
	r.Spec.Values = &apiextensionsv1.JSON{Raw: make([]byte, values)}
	r.Status.Conditions = conditions(name)
	for j := range meta.HistoryMaxSize {
		r.Status.History = append(r.Status.History, &helmv2.Snapshot{Digest: fmt.Sprintf("sha256:%064d", j)})
	}
	return r
}

// Of a large cluster little stays in memory, whether it came by a list or by a watch. No other test runs at the same time.
func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := &large{units: watch.NewFake(), releases: watch.NewFake()}
		cache := live.New(ctx, l, slog.New(slog.DiscardHandler))
		defer cache.Wait()
		defer cancel()
		reader := cache.Reader()
		before := heap()
		measured := func(when, version string) {
			t.Helper()
			synctest.Wait()
			stays := heap() - before
			t.Logf("%s: %d KiB", when, stays>>10)
			if stays > budget {
				t.Errorf("%s: %d KiB stay in memory, want at most %d", when, stays>>10, budget>>10)
			}
			for q, want := range map[live.Query]int{units: manyUnits, releases: manyReleases} {
				all, err := reader.List(q)
				if err != nil || len(all) != want || all[want-1].GetResourceVersion() != version {
					t.Errorf("%s: %d of %s, %v, want %d of version %s", when, len(all), q.Kind.Kind, err, want, version)
				}
			}
		}
		_, _ = reader.List(units)
		_, _ = reader.List(releases)
		measured("listed", "1")
		for i := range manyUnits {
			l.units.Modify(unit(i, "2"))
		}
		for i := range manyReleases {
			l.releases.Modify(release(i, "2"))
		}
		measured("watched", "2")
	})
}

// heap is what is in use, in bytes.
func heap() int {
	runtime.GC()
	runtime.GC() // what finalizers kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
