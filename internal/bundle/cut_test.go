package bundle_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/bundle"
)

// A root of a version that seed does not read is named, and not taken for one that is.
func TestFindRootTellsTheVersion(t *testing.T) {
	t.Parallel()
	for manifest, want := range map[string]string{
		root: "",
		strings.Replace(root, "io/v1", "io/v1beta2", 1): "Kustomization flux-system/flux-system: seed reads kustomize.toolkit.fluxcd.io/v1, not kustomize.toolkit.fluxcd.io/v1beta2: change its apiVersion",
		strings.Replace(root, "clusters", "cluster", 1): "clusters/home holds no Kustomization whose spec.path is ./clusters/home",
	} {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
			t.Fatal(err)
		}
		found, err := bundle.FindRoot([]*unstructured.Unstructured{object}, "clusters/home")
		if want == "" && (err != nil || found != object) {
			t.Errorf("%v, %v", found, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
