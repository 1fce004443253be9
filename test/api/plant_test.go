//go:build apiserver

package api_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/test/apiserver"
)

// A network comes first, then the operator with its CRDs, then Flux, and the sync at last: what lies later in
// etcd was created later.
func TestPlantKeepsTheOrder(t *testing.T) {
	w := newWorld(t, "plant-order", map[string]string{
		"cluster/units.yaml": planted("flux", ", dependsOn: [{name: eso}]") + "---\n" + planted("eso", ", dependsOn: [{name: cni}]") + "---\n" + planted("cni", ""),
		"cni/all.yaml":       configMap("cni", ""),
		"eso/all.yaml":       configMap("eso", ""),
		"flux/all.yaml":      configMap("flux", ""),
	})
	if err := w.live.Create(t.Context(), w.identity()); err != nil {
		t.Fatal(err)
	}
	w.plant(t)
	var versions []string
	for _, name := range []string{"cni", "eso", "flux"} {
		m := w.there(t, name)
		if m == nil {
			t.Fatalf("%s was not planted", name)
		}
		versions = append(versions, m.ResourceVersion)
	}
	var root unstructured.Unstructured
	root.SetGroupVersionKind(schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"})
	if err := w.live.Get(t.Context(), apitypes.NamespacedName{Namespace: w.ns, Name: "root"}, &root); err != nil {
		t.Fatal(err)
	}
	versions = append(versions, root.GetResourceVersion())
	if !slices.IsSortedFunc(versions, func(a, b string) int { return len(a)*1000 - len(b)*1000 + strings.Compare(a, b) }) {
		t.Errorf("resource versions %q, want cni, eso, flux and the root sync in this order", versions)
	}
}

// An encrypted file and a kind that nobody serves lie beside Flux: they are Flux' and do not stop the plant.
func TestPlantPassesOverWhatFluxMustDo(t *testing.T) {
	w := newWorld(t, "plant-beside", map[string]string{
		"cluster/flux.yaml":    configMap("flux", partOfFlux),
		"cluster/sops.yaml":    "apiVersion: v1\nkind: Secret\nmetadata: {name: encrypted, namespace: NS}\ndata: {a: \"ENC[AES256_GCM]\"}\nsops: {mac: \"ENC[AES256_GCM]\", version: 3.9.0}\n",
		"cluster/unknown.yaml": "apiVersion: example.com/v1\nkind: NobodyServesThis\nmetadata: {name: x, namespace: NS}\n",
		"cluster/app.yaml":     configMap("app", ""),
	})
	if err := w.live.Create(t.Context(), w.identity()); err != nil {
		t.Fatal(err)
	}
	w.plant(t)
	if w.there(t, "flux") == nil || w.there(t, "app") != nil {
		t.Error("seed applies what is part of Flux, and nothing else")
	}
}

// Blocked is not a dead end: the missing Secret is brought, and seed goes on at once.
func TestPlantWakesWhenItsInputChanges(t *testing.T) {
	w := newWorld(t, "plant-wakes", map[string]string{"cluster/flux.yaml": configMap("flux", partOfFlux)})
	inner := w.Event
	w.Event = func(ctx context.Context, reason, message string) {
		inner(ctx, reason, message)
		if reason == "Blocked" {
			if err := w.live.Create(ctx, w.identity()); err != nil {
				t.Error(err)
			}
		}
	}
	w.plant(t) // within its minute; the timer is ten
	told := w.told()
	if len(told) != 1 || !strings.Contains(told[0], "Blocked: bringing the Secret plant-wakes/registry-plant-wakes for OCIRepository plant-wakes/root, spec.certSecretRef") || !strings.Contains(told[0], "add an ExternalSecret") {
		t.Errorf("Events %q", told)
	}
}

// A changed bundle cannot be read by a process that has the old one: it ends, and the next Pod begins with it.
func TestPlantEndsWhenItsBundleChanges(t *testing.T) {
	w := newWorld(t, "plant-bundle", map[string]string{"cluster/flux.yaml": configMap("flux", partOfFlux)})
	w.Config = apitypes.NamespacedName{Namespace: w.ns, Name: "bundle"}
	w.ConfigData = map[string]string{"bundle.yaml": "old"}
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "bundle"}, Data: w.ConfigData}
	if err := w.live.Create(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	w.Cluster = afterGet{w.live, w.Config, func() error {
		stored.Data = map[string]string{"bundle.yaml": "new"}
		return w.live.Update(t.Context(), stored)
	}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := w.Plant(ctx); err == nil || !strings.Contains(err.Error(), "the ConfigMap plant-bundle/bundle has changed") {
		t.Errorf("Plant: %v", err)
	}
}

// afterGet is a client that lets something happen right after an object was read.
type afterGet struct {
	cluster.Client
	key    apitypes.NamespacedName
	happen func() error
}

func (a afterGet) Get(ctx context.Context, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
	err := a.Client.Get(ctx, key, object, opts...)
	if key == a.key {
		err = errors.Join(a.happen(), err)
	}
	return err
}

// What somebody else manages is followed: seed applies nothing, whatever Git says.
func TestPlantLeavesAForeignFluxAlone(t *testing.T) {
	for name, test := range map[string]struct {
		labels  map[string]string
		manager string
		want    string
	}{
		"flux-operator": {map[string]string{"app.kubernetes.io/managed-by": "flux-operator"}, "flux-operator", "managed by flux-operator (Deployment"},
		"helm":          {map[string]string{"app.kubernetes.io/managed-by": "Helm"}, "helm", "managed by Helm (Deployment"},
		"cli":           {nil, "flux", "managed by the flux CLI (Deployment"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "foreign-"+name, map[string]string{"cluster/flux.yaml": configMap("flux", partOfFlux)})
			labels := map[string]string{"app.kubernetes.io/part-of": "flux", "app": "x"}
			maps.Copy(labels, test.labels)
			deployment := &unstructured.Unstructured{Object: map[string]any{
				"spec": map[string]any{
					"selector": map[string]any{"matchLabels": map[string]any{"app": "x"}},
					"template": map[string]any{
						"metadata": map[string]any{"labels": map[string]any{"app": "x"}},
						"spec":     map[string]any{"containers": []any{map[string]any{"name": "x", "image": "x"}}},
					},
				},
			}}
			deployment.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
			deployment.SetNamespace(w.ns)
			deployment.SetName("source-controller")
			deployment.SetLabels(labels)
			if err := w.live.Create(t.Context(), deployment, client.FieldOwner(test.manager)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := w.live.Delete(context.Background(), deployment); err != nil {
					t.Error(err)
				}
			})
			planted, err := w.Plant(t.Context())
			if err != nil || planted {
				t.Errorf("Plant = %v, %v, want nothing planted", planted, err)
			}
			if told := w.told(); len(told) != 1 || !strings.Contains(told[0], test.want) || !strings.Contains(told[0], "follows Kustomization foreign-"+name+"/root") {
				t.Errorf("Events %q", told)
			}
			if w.there(t, "flux") != nil {
				t.Error("it was applied nevertheless")
			}
		})
	}
}

// The namespace of an earlier life is still being deleted: seed says so, waits, and plants when it is gone.
func TestPlantWaitsForADyingNamespace(t *testing.T) {
	w := newWorld(t, "plant-dying", map[string]string{"cluster/flux.yaml": configMap("flux", partOfFlux)})
	if err := w.live.Create(t.Context(), w.identity()); err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{}
	key := apitypes.NamespacedName{Name: w.ns}
	if err := w.live.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}}); err != nil {
		t.Fatal(err)
	}
	if err := w.live.Get(t.Context(), key, namespace); err != nil { // nobody finalizes namespaces here
		t.Fatal(err)
	}
	namespace.Status.Conditions = []corev1.NamespaceCondition{{Type: "NamespaceFinalizersRemaining", Status: "True", Message: "Some content has finalizers remaining: finalizers.fluxcd.io in 1 resource instances", LastTransitionTime: metav1.Now()}}
	if err := w.live.Status().Update(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	w.Pause = func(ctx context.Context, _ int, _ error) error { // the other controllers do their work
		if err := w.live.Get(ctx, key, namespace); err != nil {
			return err
		}
		namespace.Spec.Finalizers = nil
		if err := w.live.SubResource("finalize").Update(ctx, namespace); err != nil {
			return err
		}
		if err := w.live.Get(ctx, key, namespace); !apierrors.IsNotFound(err) {
			return errors.Join(errors.New("the namespace is still there"), err)
		}
		return w.live.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}})
	}
	w.plant(t)
	if told := w.told(); len(told) != 1 || !strings.Contains(told[0], "Retrying: the Namespace plant-dying is being deleted") || !strings.Contains(told[0], "finalizers.fluxcd.io") {
		t.Errorf("Events %q", told)
	}
}

// The requests of a birth, up to the root sync, are those that the work needs: two for each object (a dry run tells
// whether it is there as it should be), readiness of the definitions, and a few for the inputs.
func TestPlantCountsItsRequests(t *testing.T) {
	config := apiserver.Start(t, &envtest.Environment{})
	flux, err := os.ReadFile(filepath.Join(os.Getenv("FLUX_MANIFESTS"), "gotk-components.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldAt(t, config, "plant-count", map[string]string{"cluster/flux.yaml": string(flux)})
	if err := w.live.Create(t.Context(), w.identity()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	requests := map[string]int{}
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			requests[r.Method]++
			return next.RoundTrip(r)
		})
	})
	w.Cluster = newClient(t, counted)
	w.plant(t)
	objects := len(fluxObjects(t)) + 2
	t.Logf("%d objects: %v", objects, requests)
	if requests["PATCH"] > 2*objects+2 || requests["GET"] > 2*objects+30 || requests["POST"] > 1 || requests["PUT"]+requests["DELETE"] > 0 {
		t.Errorf("requests %v for %d objects", requests, objects)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }
