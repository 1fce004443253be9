package check_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

// Roots that are not in Git, and where their objects stand.
func TestLayouts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"instance": {
			"flux-system/flux-system: Kustomization flux-system/apps clusters/home/apps.yaml:1",
			"flux-system/apps: ConfigMap default/a apps/home/a.yaml:1", // its path has the variable that the FluxInstance gives the root
		},
		"chart": {
			"flux-system/flux-system: Kustomization flux-system/apps clusters/home/apps.yaml:1",
			"flux-system/apps: HelmRelease flux-system/flux-instance apps/flux/release.yaml:1",
		},
		"artifact": {
			"flux-system/flux-system: ArtifactGenerator flux-system/parts clusters/home/apps.yaml:1",
			"flux-system/flux-system: Kustomization flux-system/apps clusters/home/apps.yaml:24",
			"flux-system/flux-system: Kustomization flux-system/globs clusters/home/apps.yaml:37",
			"flux-system/apps: ConfigMap default/my-a apps/base/a.yaml:2",
			"flux-system/globs: its source is ExternalArtifact flux-system/globs, which is made by patterns that are not followed here",
		},
		"values": { // the chart's values are in a file
			"flux-system/flux-system: Kustomization flux-system/apps flux/apps.yaml:1",
			"flux-system/apps: HelmRelease flux-system/flux-instance apps/release.yaml:1",
			"flux-system/apps: ConfigMap flux-system/values-t99t7826m5 apps/kustomization.yaml:1",
		},
		"older": { // versions that older controllers serve: what is in them is known but for patches that v1 does not have
			"flux-system/flux-system: GitRepository flux-system/flux-system clusters/home/sync.yaml:1",
			"flux-system/flux-system: Kustomization flux-system/flux-system clusters/home/sync.yaml:10",
			"flux-system/flux-system: Kustomization flux-system/one clusters/home/units.yaml:1",
			"flux-system/flux-system: Kustomization flux-system/two clusters/home/units.yaml:14",
			"flux-system/flux-system: Kustomization flux-system/three clusters/home/units.yaml:28",
			"flux-system/flux-system: Kustomization flux-system/four clusters/home/units.yaml:44",
			"flux-system/one: ConfigMap default/one one/a.yaml:1",
			"flux-system/two: ConfigMap default/two two/a.yaml:1",
			"flux-system/three: it has patches as only an older Flux knows them: spec.patchesStrategicMerge, spec.patchesJson6902",
			"flux-system/four: its version v9 is not known here",
		},
	} {
		tree, err := check.Load(t.Context(), "testdata/layouts/"+name, ".")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tree.Close() }()
		var got []string
		for _, c := range tree.Clusters {
			for _, unit := range c.Units {
				if unit.NotLooked != "" {
					got = append(got, unit.ID()+": "+unit.NotLooked)
				}
				for _, o := range unit.Objects {
					got = append(got, fmt.Sprintf("%s: %s %s:%d", unit.ID(), o, o.File, o.Line))
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
		if found := check.Run(tree); len(found) > 0 {
			t.Errorf("%s: found %v", name, found)
		}
	}
}

// A unit that builds the folder in which it stands is no cluster if it is one's, and neither is what lies in an archive. The root of
// the repository is one if flux bootstrap says so.
func TestOwnFolders(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"own-folder": "clusters/home", "top": ".", "top-remote": "."} {
		tree, err := check.Load(t.Context(), "testdata/layouts/"+name, ".")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tree.Close() }()
		var got []string
		for _, c := range tree.Clusters {
			got = append(got, c.Name)
		}
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s: the clusters are %q, want %s", name, got, want)
		}
	}
}

// A folder that is named as a cluster's is one, whatever makes its root.
func TestGivenFolder(t *testing.T) {
	t.Parallel()
	tree, err := check.Load(t.Context(), "testdata/layouts/chart", "clusters")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	if len(tree.Clusters) != 1 || tree.Clusters[0].Unit("flux-system", "apps") == nil {
		t.Errorf("%+v", tree.Clusters)
	}
}

// The values of a release are those of Git, merged; what the tree does not bring is not known.
func TestReleases(t *testing.T) {
	t.Parallel()
	tree, err := check.Load(t.Context(), "testdata/layouts/release", ".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	releases := tree.Clusters[0].Releases
	if len(releases) != 2 || releases[0].Open || !releases[1].Open {
		t.Fatalf("%d releases", len(releases))
	}
	if got, want := fmt.Sprint(releases[0].Values), "map[image:map[name:web tag:v2] replicas:1]"; got != want || releases[0].Chart != "web" {
		t.Errorf("chart %s, values %s, want %s", releases[0].Chart, got, want)
	}
}

// What two units apply and neither deletes is a warning.
func TestKeptTwice(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"bad-kept", "bad-kept-metadata"} {
		tree, err := check.Load(t.Context(), "testdata/SC204/"+dir, ".")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tree.Close() }()
		found := check.Run(tree)
		if len(found) == 0 || slices.ContainsFunc(found, func(f check.Finding) bool { return f.Severity != check.Warning }) {
			t.Errorf("%s: found %v", dir, found)
		}
	}
}
