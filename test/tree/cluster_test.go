package tree_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/secret"
)

// standIn is the label of all that is not what its name says.
const standIn = "tazlab.net/stand-in"

// copied is a copy of the tree, to change.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"clusters", "infrastructure", "apps", "charts"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// built is a cluster of the tree as Flux builds it: each unit with the cluster's own variables.
type cluster struct {
	name string
	root *kustomizev1.Kustomization
	tree *build.Tree
	vars map[string]string
	// byUnit are the objects of each unit that is in the tree's own repository.
	byUnit map[string][]*unstructured.Unstructured
}

// loadRoot builds the root of clusters/NAME of the tree in dir, and what can be built of its units.
func loadRoot(t *testing.T, dir, name string) cluster {
	t.Helper()
	folder := "clusters/" + name
	first := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: folder}, Spec: kustomizev1.KustomizationSpec{Path: folder}}
	objects, err := build.Kustomization(t.Context(), first, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := bundle.FindRoot(objects, folder)
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{name: name, root: build.Units([]*unstructured.Unstructured{found})[0].Kustomization, byUnit: map[string][]*unstructured.Unstructured{}}
	if c.tree, err = build.NewTree(t.Context(), c.root, dir, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// load builds clusters/NAME of the tree in dir. A unit that cannot be built, and so a variable that nobody sets, is an error.
func load(t *testing.T, dir, name string) cluster {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := loadRoot(t, dir, name)
	for unit, err := range c.tree.Failed {
		t.Errorf("%s: unit %s: %v", name, unit, err)
	}
	for _, unit := range c.units(t) {
		if c.own(unit) {
			if c.byUnit[unit.Name], err = build.Kustomization(t.Context(), unit, dir, build.Vars(nil, c.tree.Root)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, object := range c.tree.Root {
		if object.GetKind() == "ConfigMap" && object.GetName() == "cluster-vars" {
			var config corev1.ConfigMap
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &config); err != nil {
				t.Fatal(err)
			}
			c.vars = config.Data
		}
	}
	return c
}

// units are the Kustomizations below the root.
func (c cluster) units(t *testing.T) []*kustomizev1.Kustomization {
	t.Helper()
	var all []*kustomizev1.Kustomization
	for _, unit := range build.Units(c.tree.Root) {
		if unit.Unknown != nil {
			t.Error(unit.Unknown)
		}
		if unit.Name != c.root.Name {
			all = append(all, unit.Kustomization)
		}
	}
	return all
}

// own tells whether a unit comes from the tree's own repository.
func (c cluster) own(unit *kustomizev1.Kustomization) bool {
	return unit.Spec.SourceRef == c.root.Spec.SourceRef
}

// render makes the inline manifest as "seed render manifests" does: with an identity that is none, or without any where seed
// logs in with a token of its own.
func (c cluster) render(t *testing.T) string {
	t.Helper()
	data, err := bundle.Cut(c.tree.All(), types.NamespacedName{Namespace: c.root.Namespace, Name: c.root.Name})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := birth.Check(c.tree, c.root)
	if err != nil {
		t.Fatal(err)
	}
	in := manifests.Input{Bundle: data, Planted: claims, Image: "ghcr.io/tazlab/seed:v1"}
	ownToken := c.vars["VAULT_JWT_IDENTITY_ID"] != ""
	if !ownToken {
		in.Identity = manifests.Identity{"": {"clientId": secret.New("a"), "clientSecret": secret.New("b")}}
	}
	manifest, err := manifests.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	if secrets := strings.Count("\n"+string(manifest), "\nkind: Secret\n"); (secrets == 0) != ownToken {
		t.Errorf("%s: %d Secrets in the inline manifest; none where seed has a token of its own: %t", c.name, secrets, ownToken)
	}
	return string(manifest)
}

func TestClusters(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tazlab", "castle"} {
		t.Run(name, func(t *testing.T) {
			c := load(t, root, name)
			if manifest := c.render(t); !strings.Contains(manifest, "path: ./clusters/"+name) || !strings.Contains(manifest, "url: "+c.vars["GIT_URL"]) {
				t.Errorf("the inline manifest does not lead to the cluster:\n%s", manifest)
			}
			testUnits(t, c)
		})
	}
}

// testUnits holds each unit against what the tree promises of all of them.
func testUnits(t *testing.T, c cluster) {
	t.Helper()
	units := map[string]*kustomizev1.Kustomization{}
	for _, unit := range c.units(t) {
		units[unit.Name] = unit
	}
	for name, unit := range units {
		if unit.Spec.RetryInterval == nil || unit.Spec.RetryInterval.Seconds() > 30 || unit.Spec.Timeout == nil {
			t.Errorf("%s: a unit needs a timeout, and a retryInterval of no more than 30s: a first failure would last for its interval", name)
		}
		for _, dependency := range unit.Spec.DependsOn {
			if units[dependency.Name] == nil {
				t.Errorf("%s depends on %s, which is not in the tree", name, dependency.Name)
			} else if !units[dependency.Name].Spec.Wait {
				t.Errorf("%s depends on %s, which is Ready before it stands: it needs wait: true", name, dependency.Name)
			}
		}
		if unit.Annotations["seed.tazlab.net/plant"] == "true" && unit.Spec.Prune {
			t.Errorf("%s is planted: deleting it would delete Flux, so it needs prune: false", name)
		}
		if c.own(unit) && len(c.byUnit[name]) == 0 {
			t.Errorf("%s brings nothing", name)
		}
	}
}

// What has the Kustomizations that Flux needs in order to have Git: nothing in their way waits for another operator.
func TestTheCredentialWaitsForItsOperatorOnly(t *testing.T) {
	t.Parallel()
	const credential = "infrastructure-configs"
	dependencies := map[string][]string{}
	for _, unit := range load(t, root, "tazlab").units(t) {
		for _, dependency := range unit.Spec.DependsOn {
			dependencies[unit.Name] = append(dependencies[unit.Name], dependency.Name)
		}
	}
	if got := dependencies[credential]; !slices.Equal(got, []string{"infrastructure-operators-eso-crds"}) || dependencies[got[0]] != nil {
		t.Errorf("%s depends on %v, and that on %v", credential, got, dependencies[got[0]])
	}
	if got := dependencies["infrastructure-operators-eso"]; !slices.Equal(got, []string{"infrastructure-operators-eso-crds"}) {
		t.Errorf("the operator depends on %v", got)
	}
	if got := dependencies["apps-static"]; got != nil {
		t.Errorf("the fast track depends on %v", got)
	}
	if got := dependencies["apps-data"]; !slices.Equal(got, []string{"infrastructure-operators-namespaces"}) {
		t.Errorf("what waits by itself depends on %v", got)
	}
}

// brings are the units that bring the definitions of a group's kinds.
var brings = map[string]string{
	"cert-manager.io": "infrastructure-operators-core", "metallb.io": "infrastructure-networking",
	"external-secrets.io": "infrastructure-operators-eso-crds", "postgres-operator.crunchydata.com": "infrastructure-operators-data",
}

// A definition and an object of its kind are never in one unit, and the one waits for the other: Flux looks at all of a unit
// before it applies any of it.
func TestDefinitionsComeFirst(t *testing.T) {
	t.Parallel()
	c := load(t, root, "tazlab")
	c.render(t) // which finds a circle
	first := map[string][]string{}
	for _, unit := range c.units(t) {
		for _, dependency := range unit.Spec.DependsOn {
			first[unit.Name] = append(first[unit.Name], dependency.Name)
		}
	}
	var waits func(unit, other string) bool
	waits = func(unit, other string) bool {
		return slices.ContainsFunc(first[unit], func(next string) bool { return next == other || waits(next, other) })
	}
	seen := 0
	for unit, objects := range c.byUnit {
		for _, object := range objects {
			group := object.GroupVersionKind().Group
			if other := brings[group]; other != "" {
				seen++
				if !waits(unit, other) {
					t.Errorf("%s has a %s but does not wait for %s", unit, object.GetKind(), other)
				}
			} else if strings.Contains(group, ".") && !strings.HasSuffix(group, ".toolkit.fluxcd.io") && !strings.HasSuffix(group, ".k8s.io") {
				t.Errorf("%s has a %s of the group %s: say in this test which unit brings its definition", unit, object.GetKind(), group)
			}
		}
	}
	if seen < 7 {
		t.Errorf("only %d objects with a definition of their own", seen)
	}
}

// No object is brought by two units, which would take it from each other for ever.
func TestEachObjectHasOneUnit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tazlab", "castle"} {
		owner := map[string]string{}
		c := load(t, root, name)
		for _, unit := range slices.Sorted(maps.Keys(c.byUnit)) {
			for _, object := range c.byUnit[unit] {
				id := path.Join(object.GroupVersionKind().GroupKind().String(), object.GetNamespace(), object.GetName())
				if other := owner[id]; other != "" {
					t.Errorf("%s: %s is in %s and in %s", name, id, other, unit)
				}
				owner[id] = unit
			}
		}
	}
}
