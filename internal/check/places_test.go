package check_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/check"
)

// Where an object stands, the tree mostly finds without kustomize's books. It must be what they say.
func TestPlacesAreThoseOfKustomize(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, dir := range append(dirs, "../..") {
		tree, err := check.Load(t.Context(), dir, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, cluster := range tree.Clusters {
			for _, unit := range cluster.Units {
				if unit.NotLooked != "" || unit.Dir != strings.Trim(filepath.Clean(unit.Spec.Path), "/") {
					continue // not known, or an artifact
				}
				rendered, err := build.Render(unit.Kustomization, dir, build.Variables{Open: true}, nil)
				if err != nil {
					continue // told elsewhere
				}
				want, got := map[string]bool{}, map[string]bool{}
				for _, r := range rendered {
					if r.File != "" {
						want[fmt.Sprint(r.GetKind(), " ", r.GetName(), " ", r.File)] = true
					}
				}
				for _, o := range unit.Objects {
					if want[fmt.Sprint(o.GetKind(), " ", o.GetName(), " ", o.File)] || o.File != unit.File {
						got[fmt.Sprint(o.GetKind(), " ", o.GetName(), " ", o.File)] = true
					}
				}
				compared += len(want)
				if !maps.Equal(got, want) && !strings.Contains(fmt.Sprint(got, want), "${") {
					t.Errorf("%s, unit %s: got\n%s\nwant\n%s", dir, unit.ID(), strings.Join(slices.Sorted(maps.Keys(got)), "\n"), strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
				}
			}
		}
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	}
	if compared < 200 {
		t.Errorf("only %d objects were compared", compared)
	}
}
