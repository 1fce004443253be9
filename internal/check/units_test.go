package check_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

// A unit that the API server refuses is there, and nothing is taken for known that it could bring.
func TestRefusedUnits(t *testing.T) {
	t.Parallel()
	tree := loaded(t, "testdata/SC421/bad-unit")
	c := tree.Clusters[0]
	if len(tree.Clusters) != 1 || c.Name != "clusters/home" || c.Incomplete != "unit flux-system/port was not looked into" {
		t.Errorf("%d clusters, %s: %s", len(tree.Clusters), c.Name, c.Incomplete)
	}
	const why = "a value in it does not fit its field, so the API server refuses it"
	for _, name := range []string{"port", "order", "whole", "flag", "path"} {
		refused := check.NotLooked{What: "clusters/home: unit flux-system/" + name, Why: why}
		if unit := c.Unit("flux-system", name); unit == nil || unit.NotLooked != why || !slices.Contains(tree.NotLooked, refused) {
			t.Errorf("unit %s: %+v; %v", name, unit, tree.NotLooked)
		}
	}
	if other := loaded(t, "testdata/SC421/good-unit").Clusters[0].Unit("flux-system", "child"); other == nil || other.NotLooked != "a variable in it has a value that is not known" {
		t.Errorf("%+v", other)
	}
}

// A path that cannot be read is not the root of the repository.
func TestUnreadablePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const unit = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: b}\nspec: {path: {a: b}, sourceRef: {kind: GitRepository, name: a}}\n"
	for name, content := range map[string]string{"a.yaml": unit, "kustomization.yaml": "resources: [a.yaml]\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if tree, err := check.Load(t.Context(), dir, "."); !errors.Is(err, check.ErrNoCluster) {
		t.Errorf("%+v, %v", tree, err)
	}
}
