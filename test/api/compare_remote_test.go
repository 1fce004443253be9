//go:build apiserver

package api_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

// The one thing that seed refuses and kustomize-controller does: to fetch what a kustomization.yaml refers to.
// A birth must not hang on a host that is not in the bundle.
func remoteIsRefused(t *testing.T, live cluster.Client) {
	t.Helper()
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: remote, namespace: remote-flux}}"))
	}))
	t.Cleanup(elsewhere.Close)
	r := start(t, live, "testdata/trees/empty.yaml", "remote-flux")
	for _, dir := range []string{r.raw, r.dir} {
		if err := os.WriteFile(filepath.Join(dir, "nothing/kustomization.yaml"), []byte("resources: ['"+elsewhere.URL+"/x.yaml']\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := "nothing/kustomization.yaml refers to " + elsewhere.URL + "/x.yaml"
	if _, err := r.seed(t); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("seed says %v, want %q", err, want)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("seed asked %d times", n)
	}
	inventory, refusal := r.controller(t)
	if len(inventory) != 1 || asked.Load() == 0 {
		t.Errorf("kustomize-controller applied %v %s, want the remote file", inventory, refusal)
	}
}

// A Namespace that seed made bare for a claim, and that Git holds with labels, is as Flux wants it when seed
// has applied it.
func claimedNamespaceIsFluxs(t *testing.T, live cluster.Client) {
	t.Helper()
	bare := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "claimed"},
	}}
	if err := live.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(bare), client.FieldOwner(cluster.FluxManager)); err != nil {
		t.Fatal(err)
	}
	r := start(t, live, "testdata/trees/empty.yaml", "claimed-flux")
	for _, dir := range []string{r.raw, r.dir} {
		if err := os.MkdirAll(filepath.Join(dir, "nothing"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "nothing/namespace.yaml"), []byte("{apiVersion: v1, kind: Namespace, metadata: {name: claimed, labels: {a: b}}}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.seedFirst(t)
}
