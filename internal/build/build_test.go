package build_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/build"
)

// write lays out files in a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns every file of dir.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func kustomization(path string, change func(*kustomizev1.KustomizationSpec)) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{
		TypeMeta:   metav1.TypeMeta{APIVersion: kustomizev1.GroupVersion.String(), Kind: kustomizev1.KustomizationKind},
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "unit"},
		Spec:       kustomizev1.KustomizationSpec{Path: path},
	}
	if change != nil {
		change(&k.Spec)
	}
	return k
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: apps}\ndata: {host: \"${HOST}\"}\n"

func TestKustomizationPatchesAndSubstitutesAndLeavesTheFolder(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"app/app.yaml":               configMap,                        // no kustomization.yaml: Flux makes one up
		"overlay/kustomization.yaml": "resources: [../app/app.yaml]\n", // allowed within the source
	})
	vars := build.Vars(nil, []*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "cluster-vars", "namespace": "flux-system"},
		"data":     map[string]any{"HOST": "home.example.com"},
	}}})
	for _, path := range []string{"app", "./overlay"} {
		before := read(t, dir)
		objects, err := build.Kustomization(t.Context(), kustomization(path, func(s *kustomizev1.KustomizationSpec) {
			s.NamePrefix = "my-"
			s.Patches = []kustomize.Patch{{Patch: "- op: add\n  path: /data/extra\n  value: patched\n", Target: &kustomize.Selector{Kind: "ConfigMap"}}}
			s.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "ConfigMap", Name: "cluster-vars"}}}
		}), dir, vars)
		if err != nil {
			t.Fatal(err)
		}
		if len(objects) != 1 || objects[0].GetName() != "my-app" {
			t.Fatalf("objects %v, want ConfigMap my-app", objects)
		}
		data, _, _ := unstructured.NestedStringMap(objects[0].Object, "data")
		if data["host"] != "home.example.com" || data["extra"] != "patched" {
			t.Errorf("data %v, want host substituted and extra patched in", data)
		}
		if after := read(t, dir); len(after) != len(before) || after["overlay/kustomization.yaml"] != before["overlay/kustomization.yaml"] {
			t.Errorf("the folder changed:\n%v\n%v", before, after)
		}
	}
}

func TestKustomizationErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		unit *kustomizev1.Kustomization
		want []string
	}{
		"missing path":   {kustomization("./apps", nil), []string{"Kustomization flux-system/unit", `"./apps"`, "no such folder"}},
		"path is a file": {kustomization("app/app.yaml", nil), []string{"it is a file", `"app"`}},
		"missing variable": {kustomization("app", func(s *kustomizev1.KustomizationSpec) {
			s.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{"X": "y"}}
		}), []string{"spec.postBuild in ConfigMap app", "HOST"}},
		"missing ConfigMap": {kustomization("app", func(s *kustomizev1.KustomizationSpec) {
			s.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "ConfigMap", Name: "cluster-vars"}}}
		}), []string{"ConfigMap/cluster-vars"}},
		"outside":      {kustomization("../../etc", nil), []string{"no such folder"}},
		"base outside": {kustomization("escape", nil), []string{"../../"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{
				"app/app.yaml":              configMap,
				"escape/kustomization.yaml": "resources: [../../elsewhere]\n",
			})
			_, err := build.Kustomization(t.Context(), test.unit, dir, build.Vars(nil, nil))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(test.want, "flux-system/unit") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

// A schema that one unit brings tells kustomize how to merge a list of its own kind. The next unit has none.
func TestASchemaStaysInItsUnit(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: {items: [{name: x, value: 1}]}\n"
	const patch = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: {items: [{name: y, value: 2}]}\n"
	const schema = `{"definitions": {"v1.Thing": {
		"x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Thing", "version": "v1"}],
		"properties": {"spec": {"properties": {"items": {"type": "array",
			"items": {"$ref": "#/definitions/v1.Item"}, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}}},
		"v1.Item": {"properties": {"name": {"type": "string"}, "value": {"type": "integer"}}}}}`
	const index = "resources: [object.yaml]\npatches: [{path: patch.yaml}]\n"
	root := write(t, map[string]string{
		"with/object.yaml": object, "with/patch.yaml": patch, "with/schema.json": schema, "with/kustomization.yaml": index + "openapi: {path: schema.json}\n",
		"without/object.yaml": object, "without/patch.yaml": patch, "without/kustomization.yaml": index,
	})
	for path, want := range map[string]int{"with": 2, "without": 1} {
		for range 2 { // in any order
			objects, err := build.Kustomization(t.Context(), kustomization(path, nil), root, nil)
			if err != nil {
				t.Fatal(err)
			}
			items, _, _ := unstructured.NestedSlice(objects[0].Object, "spec", "items")
			if len(items) != want {
				t.Errorf("%s: %d items, want %d", path, len(items), want)
			}
		}
	}
}

// A reference that leads nowhere is named with its file, where it stops, and what is there instead.
func TestMissingReferencesAreNamed(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"clusters/home/kustomization.yaml": "resources: [../../apps/base, blog.yml]\n", "clusters/home/blog.yaml": "x: 1\n",
		"apps/base/kustomization.yaml": "resources: [a.yaml]\n", "apps/base/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
		"through/kustomization.yaml": "resources: [../apps/base/a.yaml/deployment.yaml]\n",
		"patched/kustomization.yaml": "resources: [../apps/base]\npatches: [{path: patch.yaml}]\n",
		"nested/kustomization.yaml":  "resources: [../through]\n",
		"empty/kustomization.yaml":   "components: [none/here]\n",
	})
	for path, want := range map[string]string{
		"clusters/home":      "clusters/home/kustomization.yaml refers to blog.yml: clusters/home has no blog.yml; it has blog.yaml, kustomization.yaml: correct the reference, or add what it names",
		"through":            "through/kustomization.yaml refers to ../apps/base/a.yaml/deployment.yaml: apps/base/a.yaml is a file, not a folder",
		"nested":             "through/kustomization.yaml refers to ../apps/base/a.yaml/deployment.yaml: apps/base/a.yaml is a file, not a folder",
		"patched":            "patched/kustomization.yaml refers to patch.yaml: patched has no patch.yaml; it has kustomization.yaml",
		"empty":              "empty/kustomization.yaml refers to none/here: empty has no none; it has kustomization.yaml",
		"clusters/hme":       "the source has no such folder: clusters has no hme; it has home: correct spec.path",
		"apps/base/a.yaml":   "it is a file; spec.path must name a folder, for example \"apps/base\"",
		"apps/base/a.yaml/":  "it is a file; spec.path must name a folder",
		"apps/base/a.yaml/b": "apps/base/a.yaml is a file, not a folder: correct spec.path",
	} {
		_, err := build.Kustomization(t.Context(), kustomization(path, nil), root, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if err != nil && strings.Contains(err.Error(), root) {
			t.Errorf("%s: the error shows the temporary folder: %v", path, err)
		}
	}
}
