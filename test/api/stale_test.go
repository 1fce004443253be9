//go:build apiserver

package api_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apitypes "k8s.io/apimachinery/pkg/types"
)

// Between seed's fetch and the first reconcile of the real kustomize-controller a commit removes an object and a
// field, of the root and of a planted unit that Flux may not prune: both are gone when the tree stands.
func TestWhatGitDropsMeanwhileIsRemoved(t *testing.T) {
	seen := "labels: {" + compared + ": stale}"
	sync := strings.Replace(rootSync, "{name: root, namespace: NS}\nspec: {interval: 10m", "{name: root, namespace: NS, "+seen+"}\nspec: {interval: 10m", 1)
	unit := strings.Replace(planted("unit", ""), "namespace: NS,", "namespace: NS, "+seen+",", 1)
	before := map[string]string{
		"cluster/sync.yaml": sync, "cluster/unit.yaml": unit,
		"cluster/kept.yaml": configMap("kept", ", labels: {app.kubernetes.io/part-of: flux}, annotations: {dropped: field}"),
		"cluster/gone.yaml": configMap("gone", partOfFlux),
		"unit/kept.yaml":    configMap("unit-kept", ", annotations: {dropped: field}"),
		"unit/gone.yaml":    configMap("unit-gone", ""),
		"unit/held.yaml":    configMap("unit-held", ", annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}"),
	}
	after := map[string]string{
		"cluster/sync.yaml": sync, "cluster/unit.yaml": unit,
		"cluster/kept.yaml": configMap("kept", partOfFlux),
		"unit/kept.yaml":    configMap("unit-kept", ""),
	}
	w := newWorld(t, "stale", before)
	if err := w.live.Create(t.Context(), w.identity()); err != nil {
		t.Fatal(err)
	}
	w.plant(t)
	for _, name := range []string{"kept", "gone", "unit-kept", "unit-gone"} {
		if w.there(t, name) == nil {
			t.Fatalf("seed did not apply %s", name)
		}
	}

	w.publish(t, after)
	startController(t, "stale")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gone", "unit-gone"} {
		if w.there(t, name) != nil {
			t.Errorf("%s is still there", name)
		}
	}
	if w.there(t, "unit-held") == nil {
		t.Error("what Flux must not prune was removed")
	}
	for _, name := range []string{"kept", "unit-kept"} {
		if m := w.there(t, name); m == nil || m.Annotations["dropped"] != "" {
			t.Errorf("%s: %v, want it there without the field", name, m)
		}
	}
	var steps []string
	for _, step := range w.Report.Steps {
		steps = append(steps, step.Name+": "+step.Detail)
	}
	for _, want := range []string{"remove what Git dropped from Kustomization root: ConfigMap/stale/gone", "remove what Git dropped from Kustomization unit: ConfigMap/stale/unit-gone"} {
		if !slices.Contains(steps, want) {
			t.Errorf("the report lacks %q: %q", want, steps)
		}
	}
}

// publish plays source-controller for the world's OCIRepository: it writes status.artifact for other files.
func (w *world) publish(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(w.spell(content)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := archive(t, dir)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { _, _ = out.Write(data) }))
	t.Cleanup(server.Close)
	source := &unstructured.Unstructured{}
	source.SetGroupVersionKind(schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "OCIRepository"})
	if err := w.live.Get(t.Context(), apitypes.NamespacedName{Namespace: w.ns, Name: "root"}, source); err != nil {
		t.Fatal(err)
	}
	source.Object["status"] = map[string]any{"artifact": map[string]any{
		"url": server.URL + "/artifact.tar.gz", "path": "artifact.tar.gz", "revision": "latest@sha256:2",
		"digest": fmt.Sprintf("sha256:%x", sha256.Sum256(data)), "lastUpdateTime": metav1.Now().UTC().Format(time.RFC3339),
	}}
	if err := w.live.Status().Update(t.Context(), source); err != nil {
		t.Fatal(err)
	}
}
