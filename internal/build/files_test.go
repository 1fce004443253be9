package build_test

import (
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/build"
)

// Whatever kustomize would fetch, or call git for, is refused by the name of the file that asks for it.
func TestKustomizationRefusesWhatIsElsewhere(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"resources: [REFERENCE]", "bases: [REFERENCE]", "components: [REFERENCE]", "crds: [REFERENCE]",
		"generators: [REFERENCE]", "transformers: [REFERENCE]", "validators: [REFERENCE]", "configurations: [REFERENCE]",
		"openapi: {path: REFERENCE}", "patches: [{path: REFERENCE}]", "patchesStrategicMerge: [REFERENCE]",
		"patchesJson6902: [{path: REFERENCE, target: {kind: ConfigMap}}]", "replacements: [{path: REFERENCE}]",
		"configMapGenerator: [{name: x, files: ['key=REFERENCE']}]", "configMapGenerator: [{name: x, envs: [REFERENCE]}]",
		"secretGenerator: [{name: x, files: [REFERENCE]}]",
	} {
		refused(t, strings.ReplaceAll(line, "REFERENCE", "https://unreachable.invalid/x.yaml"), "https://unreachable.invalid/x.yaml")
	}
	for _, reference := range []string{
		"http://unreachable.invalid/x.yaml", "HTTPS://unreachable.invalid/x", "git::https://unreachable.invalid/x.git",
		"github.com/example/x//base?ref=main", "git@unreachable.invalid:x.git", "ssh://git@unreachable.invalid/x.git",
		"org-123@unreachable.invalid/x/y", "file:///etc",
	} {
		refused(t, "resources: ['"+reference+"']", reference)
	}
}

func refused(t *testing.T, line, reference string) {
	t.Helper()
	dir := write(t, map[string]string{
		"app/kustomization.yaml": "resources: [../base]\n",
		"base/Kustomization":     line + "\n",
	})
	_, err := build.Kustomization(t.Context(), kustomization("app", nil), dir, nil)
	if err == nil || !strings.Contains(err.Error(), "base/Kustomization refers to "+reference) || !strings.Contains(err.Error(), "copy it into the source") {
		t.Errorf("%s: %v, want the file and the reference named", line, err)
	}
}

// What only looks like it is built: URLs that are values, and odd names of files.
func TestKustomizationTakesOddNames(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"app/kustomization.yaml": "resources: [a@b.yaml, github.com]\ncommonAnnotations: {url: 'https://example.com'}\n" +
			"configMapGenerator: [{name: x, literals: ['URL=https://example.com/x']}]\n",
		"app/a@b.yaml":                      configMap,
		"app/github.com/kustomization.yaml": "configMapGenerator: [{name: other, files: [a=../a@b.yaml]}]\n",
	})
	objects, err := build.Kustomization(t.Context(), kustomization("app", nil), dir, nil)
	if err != nil || len(objects) != 3 {
		t.Errorf("built %d objects, %v, want 3", len(objects), err)
	}
}

// A Secret of the root build that is encrypted has no values for anybody.
func TestVarsRefuseCiphertext(t *testing.T) {
	t.Parallel()
	encrypted := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "vars", "namespace": "flux-system"},
		"stringData": map[string]any{"HOST": "ENC[AES256_GCM,data:x]"}, "sops": map[string]any{"mac": "x"},
	}}
	dir := write(t, map[string]string{"app/app.yaml": configMap})
	_, err := build.Kustomization(t.Context(), kustomization("app", func(s *kustomizev1.KustomizationSpec) {
		s.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{Kind: "Secret", Name: "vars"}}}
	}), dir, build.Vars(nil, []*unstructured.Unstructured{encrypted}))
	if err == nil || !strings.Contains(err.Error(), "Secret flux-system/vars is encrypted with SOPS") {
		t.Errorf("%v, want the encrypted Secret named", err)
	}
	var secret corev1.Secret
	if err := build.Vars(nil, nil).Get(t.Context(), client.ObjectKey{Name: "vars"}, &secret); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("%v, want NotFound", err)
	}
}
