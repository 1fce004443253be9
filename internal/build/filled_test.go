package build_test

import (
	"errors"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/build"
)

// What the libraries say of an object that cannot be read has parts of it, and so values: none gets into an error.
func TestErrorsHaveNoValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		manifest string
		values   map[string]string
	}{
		"an alias":   {head + "spec: {a: \"${PW}\"}\n", map[string]string{"PW": "*hunter2"}},
		"a key":      {head + "spec: {a: \"${PW}\"}\n", map[string]string{"PW": "{[hunter2]: a}"}},
		"a tag":      {head + "spec: {a: \"${PW}\"}\n", map[string]string{"PW": "!!int hunter2"}},
		"no mapping": {head + "spec: {a: \"${PW}\"}\n", map[string]string{"PW": "hunter2: a: b"}},
		"no kind":    {"apiVersion: v1\nkind: ${KIND}\nmetadata: {name: a}\nstringData: {b: \"${PW}\"}\n", map[string]string{"KIND": "", "PW": "hunter2"}},
	} {
		dir := write(t, map[string]string{"app/a.yaml": test.manifest, "app/kustomization.yaml": "resources: [a.yaml]\n"})
		secret := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "vars", "namespace": "flux-system"}, "stringData": map[string]any{}}}
		for name, value := range test.values {
			if err := unstructured.SetNestedField(secret.Object, value, "stringData", name); err != nil {
				t.Fatal(err)
			}
		}
		unit := kustomization("app", func(s *kustomizev1.KustomizationSpec) {
			s.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "Secret", Name: "vars"}}}
		})
		_, built := build.Kustomization(t.Context(), unit, dir, build.Vars(nil, []*unstructured.Unstructured{secret}))
		_, rendered := build.Render(unit, dir, build.Variables{Values: test.values}, nil)
		for how, err := range map[string]error{"Kustomization": built, "Render": rendered} {
			if !errors.Is(err, build.ErrFilled) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "spec.postBuild") {
				t.Errorf("%s: %s: %v", name, how, err)
			}
		}
	}
}

// What the error advises helps: quotes around a value that are part of it. Those of the file do not.
func TestQuotesArePartOfAValue(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"app/a.yaml": head + "spec: {a: \"${PW}\"}\n", "app/kustomization.yaml": "resources: [a.yaml]\n"})
	unit := kustomization("app", func(s *kustomizev1.KustomizationSpec) {
		s.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{"PW": `"*hunter2"`}}
	})
	objects, err := build.Kustomization(t.Context(), unit, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedString(objects[0].Object, "spec", "a"); got != "*hunter2" {
		t.Errorf("the value is %q", got)
	}
}
