//go:build root

package e2e_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tazlab/seed/castle/internal/talos"
)

// The same tree for a vault where seed has no identity of its own: the inline manifest carries what it logs in with. What brings
// rights and credentials back afterwards brings seed back, which takes them away again.
func TestUniversalAuth(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	tree := w.universalAuth(t)
	if err := w.Push(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	if _, err := w.Manifest(ctx, tree); err == nil {
		t.Error("a manifest without the identity was rendered")
	}
	manifest, err := w.ManifestWithIdentity(ctx, tree)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manifest), "kind: Secret\n") {
		t.Error("the manifest carries no Secret")
	}
	w.applyAndFollow(ctx, t, manifest, w.Follow)
	testTimeline(t, w)
	testBlog(t, w)
	testVaultSaw(t, w, map[string]int{"universal-auth/login": 1, "GITHUB_TOKEN": 1, "PRIVATE_CA": 2, "token/revoke": 1})
	testNoSecret(t, w)
	testAsTalos(t, w, tree)
}

// universalAuth is a copy of the tree whose store knows Universal Auth alone.
func (w *world) universalAuth(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	if err := w.CopyTree(tree); err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(tree, "clusters/castle/kustomization.yaml"), `    patch: |
      - op: add
        path: /spec/components/-
        value: components/jwt-identity
`, `    patch: "[]"
`)
	return tree
}
