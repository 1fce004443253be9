//go:build root

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/talos"
)

// The same tree in the layout that "flux bootstrap" writes: Flux' manifests lie in the root's folder, and a
// unit beside it is planted.
func TestClassicLayout(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	tree := t.TempDir()
	if err := w.CopyTree(tree); err != nil {
		t.Fatal(err)
	}
	dir, err := w.Artifact(t.Context(), "flux")
	if err != nil {
		t.Fatal(err)
	}
	components, err := os.ReadFile(filepath.Join(dir, "gotk-components.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(tree, "clusters/base")
	write(t, filepath.Join(folder, "gotk-components.yaml"), string(components))
	replace(t, filepath.Join(folder, "kustomization.yaml"), "flux.yaml", "gotk-components.yaml")
	replace(t, filepath.Join(tree, "clusters/base/infrastructure.yaml"),
		"  name: infrastructure-operators-eso-crds\n  namespace: flux-system\n",
		"  name: infrastructure-operators-eso-crds\n  namespace: flux-system\n  annotations:\n    seed.tazlab.net/plant: \"true\"\n")
	// The bundle is older than Git: it was rendered when the source had another interval.
	if err := w.Push(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(folder, "sync.yaml"), "interval: 1m", "interval: 3m")
	w.plant(t, tree)
	testGitWins(t, w)

	table, err := w.Timeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"apply Flux of the root", "apply Kustomization infrastructure-operators-eso-crds", "apply the root sync"} {
		if !strings.Contains(table, want) {
			t.Errorf("the timeline lacks %q:\n%s", want, table)
		}
	}
	testBlog(t, w)
	testOwnership(t, w, 40)
	testInventory(t, w, tree)
}

// testGitWins looks for what Git says where the bundle said otherwise, and for the hint.
func testGitWins(t *testing.T, w *world) {
	t.Helper()
	source, err := w.dynamic.Resource(gitRepositories).Namespace(fluxSystem).Get(t.Context(), "flux-system", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if interval, _ := field(source.Object, "spec", "interval"); interval != "1m" && interval != "1m0s" {
		t.Errorf("the source has the interval %v, want Git's 1m", interval)
	}
	events, err := w.core.CoreV1().Events(life.SeedNamespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=BundleOutdated"})
	if err != nil || len(events.Items) != 1 || !strings.Contains(events.Items[0].Message, "GitRepository flux-system/flux-system") {
		t.Errorf("%d Events BundleOutdated, %v; want one that names the source", len(events.Items), err)
	}
}

// testInventory boots the control plane again, so to say: Talos from 1.13 leaves alone what its inventory
// lists, also if it was deleted.
func testInventory(t *testing.T, w *world, tree string) {
	t.Helper()
	name := w.job(t)
	w.deleteJob(t)
	manifest, err := w.Manifest(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Apply(t.Context(), manifest); err != nil {
		t.Fatal(err)
	}
	if _, err := w.core.BatchV1().Jobs(life.SeedNamespace).Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Job came back: %v", err)
	}
	inventory, err := w.core.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(t.Context(), "talos-bootstrap-manifests-inventory", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, listed := inventory.Data["seed-system_"+name+"_batch_Job"]; !listed {
		t.Errorf("the inventory does not list the Job: %v", inventory.Data)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, path, old, with string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		t.Fatalf("%s does not hold %q", path, old)
	}
	write(t, path, strings.Replace(string(content), old, with, 1))
}
