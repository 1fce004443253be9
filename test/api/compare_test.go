//go:build apiserver

package api_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/cluster"
)

// comparison is one file of testdata/trees. NAMESPACE in it stands for the namespace of one run.
type comparison struct {
	// Spec is the Kustomization's, less what all have alike.
	Spec kustomizev1.KustomizationSpec `json:"spec"`
	// Files are those of the source. A name that ends with "/" is an empty folder.
	Files map[string]string `json:"files"`
	// Cluster are objects that are in the cluster before, applied by Manager.
	Cluster string `json:"cluster,omitempty"`
	Manager string `json:"manager,omitempty"`
	// Root are objects that the root Kustomization holds and that are not in the cluster when seed runs.
	Root string `json:"root,omitempty"`
	// Want is the expected inventory, and Skipped those of them that are not applied.
	Want    []string `json:"want,omitempty"`
	Skipped []string `json:"skipped,omitempty"`
	// Refused is what both say, each in its own words, when this cannot be built or applied. Nothing for the
	// controller: it applies what seed refuses.
	Refused *struct {
		Controller string `json:"controller"`
		Seed       string `json:"seed"`
	} `json:"refused,omitempty"`
}

// comparisonRun is a comparison in a namespace of its own.
type comparisonRun struct {
	comparison
	live      cluster.Client
	namespace string
	// raw are the files as somebody would push them, dir are those that seed fetched.
	raw, dir string
}

// The real kustomize-controller and seed build and apply the same, whoever comes first: the second finds
// nothing to do. What one refuses the other refuses, but for what seed says more about: nothing is fetched, no
// ciphertext is applied.
func TestSeedDoesWhatKustomizeControllerDoes(t *testing.T) {
	live := newClient(t, admin)
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), fluxObjects(t)); err != nil {
		t.Fatal(err)
	}
	startController(t, "true")
	paths, err := filepath.Glob("testdata/trees/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no trees: %v", err)
	}
	t.Run("remote", func(t *testing.T) { t.Parallel(); remoteIsRefused(t, live) })
	t.Run("claimed-namespace", func(t *testing.T) { t.Parallel(); claimedNamespaceIsFluxs(t, live) })
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := start(t, live, path, name+"-flux")
			if first.Refused != nil {
				first.bothRefuse(t)
				return
			}
			first.controllerFirst(t)
			start(t, live, path, name+"-seed").seedFirst(t)
		})
	}
}

func (r *comparisonRun) controllerFirst(t *testing.T) {
	t.Helper()
	r.put(t, r.Root)
	inventory, refusal := r.controller(t)
	if refusal != "" {
		t.Fatalf("kustomize-controller refuses: %s", refusal)
	}
	slices.Sort(r.Want)
	if !slices.Equal(inventory, r.Want) {
		t.Errorf("kustomize-controller applied\n%s\nwant\n%s", strings.Join(inventory, "\n"), strings.Join(r.Want, "\n"))
	}
	before := r.versions(t, inventory)
	changes, err := r.seed(t)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.ids(changes); !slices.Equal(got, inventory) {
		t.Errorf("seed applied\n%s\nkustomize-controller\n%s", strings.Join(got, "\n"), strings.Join(inventory, "\n"))
	}
	for _, entry := range changes.Entries {
		want := ssa.UnchangedAction
		if slices.Contains(r.Skipped, entry.ObjMetadata.String()+" "+entry.GroupVersion) {
			want = ssa.SkippedAction
		}
		if entry.Action != want {
			t.Errorf("after kustomize-controller, seed found %s %s, want %s", entry.Subject, entry.Action, want)
		}
	}
	if after := r.versions(t, inventory); !maps.Equal(before, after) {
		t.Errorf("seed wrote:\n%v\n%v", before, after)
	}
}

func (r *comparisonRun) seedFirst(t *testing.T) {
	t.Helper()
	changes, err := r.seed(t)
	if err != nil {
		t.Fatal(err)
	}
	ids := r.ids(changes)
	before := r.versions(t, ids)
	r.put(t, r.Root)
	inventory, refusal := r.controller(t)
	if refusal != "" {
		t.Fatalf("after seed, kustomize-controller refuses: %s", refusal)
	}
	if !slices.Equal(ids, inventory) {
		t.Errorf("seed applied\n%s\nkustomize-controller\n%s", strings.Join(ids, "\n"), strings.Join(inventory, "\n"))
	}
	if after := r.versions(t, ids); !maps.Equal(before, after) {
		t.Errorf("after seed, kustomize-controller wrote:\n%v\n%v", before, after)
	}
}

func (r *comparisonRun) bothRefuse(t *testing.T) {
	t.Helper()
	_, refusal := r.controller(t)
	if (refusal == "") != (r.Refused.Controller == "") || !strings.Contains(refusal, r.Refused.Controller) {
		t.Errorf("kustomize-controller says %q, want %q", refusal, r.Refused.Controller)
	}
	_, err := r.seed(t)
	if err == nil || !strings.Contains(err.Error(), r.Refused.Seed) {
		t.Errorf("seed says %v, want %q", err, r.Refused.Seed)
	}
}
