package birth

import (
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	rootSync = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: "https://git.example.com/x.git"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, path: ./clusters/home, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
---
`
	gotk = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: source-controller, namespace: flux-system, labels: {app.kubernetes.io/part-of: flux}}
---
`
	encrypted = `
apiVersion: v1
kind: Secret
metadata: {name: sops, namespace: flux-system}
sops: {mac: x}
---
apiVersion: example.com/v1
kind: NobodyServesThis
metadata: {name: x}
---
`
)

// unit is a planted Kustomization from an OCIRepository of the same name.
func unit(name, more string) string {
	return strings.ReplaceAll(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: NAME, namespace: flux-system}
spec: {interval: 1m, url: "oci://example.com/NAME"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: NAME, namespace: flux-system, annotations: {seed.tazlab.net/plant: "true"}}
spec:
  interval: 1m
  path: ./
  sourceRef: {kind: OCIRepository, name: NAME}
`, "NAME", name) + "  " + more + "\n---\n"
}

func read(t *testing.T, docs ...string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := ssautil.ReadObjects(strings.NewReader(strings.Join(docs, "")))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func root() *kustomizev1.Kustomization {
	return &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "flux-system"},
		Spec: kustomizev1.KustomizationSpec{
			Path: "./clusters/home", SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "flux-system"},
		},
	}
}

func names(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, object := range objects {
		all = append(all, object.GetKind()+" "+object.GetName())
	}
	slices.Sort(all)
	return all
}

// What is neither Flux nor the way to it is left to Flux, whatever it is.
func TestChooseLeavesTheRestToFlux(t *testing.T) {
	t.Parallel()
	unplanted := strings.Replace(unit("apps", "prune: true"), `annotations: {seed.tazlab.net/plant: "true"}`, "labels: {a: b}", 1)
	c, err := choose(read(t, rootSync, gotk, encrypted, unplanted, unit("cni", "prune: false")), root())
	if err != nil {
		t.Fatal(err)
	}
	if got := names(c.flux); !slices.Equal(got, []string{"Deployment source-controller"}) {
		t.Errorf("flux: %q", got)
	}
	want := []string{"GitRepository flux-system", "Kustomization cni", "Kustomization flux-system", "OCIRepository cni"}
	if got := names(c.sync); !slices.Equal(got, want) {
		t.Errorf("sync: %q, want %q", got, want)
	}
	if len(c.units) != 1 || c.units[0].Name != "cni" {
		t.Errorf("units: %v", c.units)
	}
}

// A unit with a field of a newer Flux must not stop the birth of a cluster that seed only hands over.
func TestChooseLeavesUnknownFieldsOfOtherUnitsToFlux(t *testing.T) {
	t.Parallel()
	newer := strings.Replace(unit("apps", "prune: true\n  fieldOfTomorrow: 1"), `annotations: {seed.tazlab.net/plant: "true"}`, "labels: {a: b}", 1)
	if _, err := choose(read(t, rootSync, gotk, newer), root()); err != nil {
		t.Error(err)
	}
}

func TestChooseOrdersByDependsOn(t *testing.T) {
	t.Parallel()
	c, err := choose(read(t, rootSync,
		unit("flux", "prune: false\n  dependsOn: [{name: eso}]"),
		unit("eso", "prune: true\n  deletionPolicy: Orphan\n  dependsOn: [{name: cni}]"),
		unit("cni", "prune: false")), root())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range c.units {
		got = append(got, u.Name)
	}
	if !slices.Equal(got, []string{"cni", "eso", "flux"}) {
		t.Errorf("order %q, want cni eso flux", got)
	}
}

func TestChooseErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		docs []string
		want []string
	}{
		"nothing brings Flux":    {[]string{rootSync}, []string{"./clusters/home", "gotk-components.yaml", "seed.tazlab.net/plant"}},
		"pruned":                 {[]string{rootSync, unit("flux", "prune: true")}, []string{"flux-system/flux", "deletionPolicy: Orphan"}},
		"dependency not planted": {[]string{rootSync, unit("flux", "prune: false\n  dependsOn: [{name: cni}]")}, []string{"flux-system/flux", "flux-system/cni, which is not"}},
		"cycle":                  {[]string{rootSync, unit("a", "prune: false\n  dependsOn: [{name: b}]"), unit("b", "prune: false\n  dependsOn: [{name: a}]")}, []string{"flux-system/a", "flux-system/b"}},
		"decrypted":              {[]string{rootSync, unit("flux", "prune: false\n  decryption: {provider: sops}")}, []string{"flux-system/flux", "spec.decryption"}},
		"other cluster":          {[]string{rootSync, unit("flux", "prune: false\n  kubeConfig: {secretRef: {name: x}}")}, []string{"flux-system/flux", "spec.kubeConfig"}},
		"no root source":         {[]string{strings.Replace(rootSync, "name: flux-system, namespace", "name: other, namespace", 1), gotk}, []string{"./clusters/home", "root source GitRepository flux-system"}},
		"misspelt mark":          {[]string{rootSync, gotk, strings.Replace(unit("flux", "prune: false"), "net/plant", "net/planted", 1)}, []string{"Kustomization flux-system/flux", "seed.tazlab.net/planted", `seed.tazlab.net/plant with "true" or "false"`}},
		"other value":            {[]string{rootSync, gotk, strings.Replace(unit("flux", "prune: false"), `"true"`, `"yes"`, 1)}, []string{"Kustomization flux-system/flux", `"yes"`}},
		"misspelt field":         {[]string{rootSync, unit("flux", "prun: false")}, []string{"Kustomization flux-system/flux", "spec.prun"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := choose(read(t, test.docs...), root())
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}
