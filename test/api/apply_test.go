//go:build apiserver

package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
)

// controller is an apply manager as kustomize-controller makes it.
func controller(live client.Client) *ssa.ResourceManager {
	return ssa.NewResourceManager(live, polling.NewStatusPoller(live, live.RESTMapper(), polling.Options{}),
		ssa.Owner{Field: "kustomize-controller", Group: kustomizev1.GroupVersion.Group})
}

// Flux' own manifests applied by seed are unchanged for whoever applies them as kustomize-controller does,
// no manager but kustomize-controller owns a field, and what is dropped afterwards disappears.
func TestApplyLeavesNothingForFluxToDo(t *testing.T) {
	live := newClient(t, admin)
	owner := kustomization("flux")
	changes, err := apply.New(live).Apply(t.Context(), owner, fluxObjects(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(changes.Entries) == 0 {
		t.Fatal("nothing was applied")
	}
	for _, entry := range changes.Entries {
		if entry.Action != ssa.CreatedAction {
			t.Errorf("%s: %s, want created", entry.Subject, entry.Action)
		}
	}

	theirs := fluxObjects(t)
	manager := controller(live)
	manager.SetOwnerLabels(theirs, owner.Name, owner.Namespace)
	again, err := manager.ApplyAllStaged(t.Context(), theirs, ssa.DefaultApplyOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range again.Entries {
		if entry.Action != ssa.UnchangedAction {
			t.Errorf("%s: %s at Flux' first reconcile, want unchanged", entry.Subject, entry.Action)
		}
	}
	for _, object := range theirs {
		checkOwnership(t, live, object)
	}
	checkFieldDisappears(t, live, manager, theirs)
}

func checkOwnership(t *testing.T, live client.Client, object *unstructured.Unstructured) {
	t.Helper()
	got := object.DeepCopy()
	if err := live.Get(t.Context(), client.ObjectKeyFromObject(object), got); err != nil {
		t.Fatal(err)
	}
	if got.GetGeneration() > 1 {
		t.Errorf("%s %s has generation %d", got.GetKind(), got.GetName(), got.GetGeneration())
	}
	for _, entry := range got.GetManagedFields() {
		if entry.Manager != "kustomize-controller" && entry.Subresource == "" && entry.Manager != "kube-apiserver" {
			t.Errorf("%s %s: fields are owned by %s", got.GetKind(), got.GetName(), entry.Manager)
		}
	}
}

// checkFieldDisappears drops a label from the manifests, as a commit would.
func checkFieldDisappears(t *testing.T, live client.Client, manager *ssa.ResourceManager, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() != "Deployment" || object.GetName() != "source-controller" {
			continue
		}
		labels := object.GetLabels()
		if labels["app.kubernetes.io/component"] == "" {
			t.Fatal("the manifest has no label to drop")
		}
		delete(labels, "app.kubernetes.io/component")
		object.SetLabels(labels)
		if _, err := manager.Apply(t.Context(), object, ssa.DefaultApplyOptions()); err != nil {
			t.Fatal(err)
		}
		got := object.DeepCopy()
		if err := live.Get(t.Context(), client.ObjectKeyFromObject(object), got); err != nil {
			t.Fatal(err)
		}
		if got.GetLabels()["app.kubernetes.io/component"] != "" {
			t.Error("a label that Git dropped is still in the cluster")
		}
		return
	}
	t.Fatal("no Deployment source-controller in the manifests")
}

// The wait between the stages ends with its context: SIGTERM must not wait for a CRD that is never
// established, as this one whose names another one has.
func TestApplyStopsWithItsContext(t *testing.T) {
	live := newClient(t, admin)
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), []*unstructured.Unstructured{crd("firsts")}); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var applied atomic.Bool
	config := rest.CopyConfig(admin)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			ours := strings.HasSuffix(request.URL.Path, "/seconds.example.com")
			switch {
			case ours && request.Method == http.MethodPatch:
				applied.Store(true)
			case ours && applied.Load(): // it asks what has become of it: it waits
				end()
			}
			return next.RoundTrip(request)
		})
	})
	_, err := apply.New(newClient(t, config)).Apply(ctx, kustomization("flux"), []*unstructured.Unstructured{crd("seconds")})
	// Without the context it would end with what has become of the definition.
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "waiting for the definitions of Kustomization flux-system/flux") {
		t.Errorf("Apply: %v, want the wait cut short", err)
	}
}

// crd is a CustomResourceDefinition of the kind Thing, whatever its plural.
func crd(plural string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + ".example.com"},
		"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced",
			"names": map[string]any{"plural": plural, "kind": "Thing"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}},
			}},
		},
	}}
}
