//go:build root

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	folder := filepath.Join(tree, "clusters/castle/flux-system")
	write(t, filepath.Join(folder, "gotk-components.yaml"), string(components))
	replace(t, filepath.Join(folder, "kustomization.yaml"), "flux.yaml", "gotk-components.yaml")
	replace(t, filepath.Join(tree, "clusters/castle/infrastructure.yaml"),
		"  name: infrastructure-operators-eso\n  namespace: flux-system\n",
		"  name: infrastructure-operators-eso\n  namespace: flux-system\n  annotations:\n    seed.tazlab.net/plant: \"true\"\n")
	w.birth(t, tree)

	table, err := w.Timeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"apply Flux of the root", "apply Kustomization infrastructure-operators-eso", "apply the root sync"} {
		if !strings.Contains(table, want) {
			t.Errorf("the timeline lacks %q:\n%s", want, table)
		}
	}
	testBlog(t, w)
	testOwnership(t, w)
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
