package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/build"
)

// syncOf returns the root Kustomization that flux-operator makes of a FluxInstance, or of the chart that brings one: nil if
// doc is no such thing. https://fluxoperator.dev/docs/crd/fluxinstance/#sync-configuration
func syncOf(doc *Doc) *kustomizev1.Kustomization {
	var at []string
	switch {
	case doc.Kind == "FluxInstance" && doc.Group() == instances:
		at = []string{"spec", "sync"}
	case doc.Kind == "HelmRelease" && strings.Contains(doc.String("spec", "chartRef", "name")+doc.String("spec", "chart", "spec", "chart"), "flux-instance"):
		at = []string{"spec", "values", "instance", "sync"}
	case doc.Kind == "": // a file of values for the chart
		at = []string{"instance", "sync"}
	default:
		return nil
	}
	field := func(name string) string { return doc.String(append(slices.Clone(at), name)...) }
	if field("kind") == "" || field("url") == "" {
		return nil
	}
	namespace := cmp.Or(doc.Namespace, "flux-system")
	name := cmp.Or(field("name"), namespace)
	root := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	root.Spec = kustomizev1.KustomizationSpec{Path: cmp.Or(field("path"), "."), Prune: true}
	root.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: field("kind"), Name: name}
	return root
}

// patchedRoot is the root that flux-operator makes, with the patches of the FluxInstance that are for it.
func (t *Tree) patchedRoot(s start) (*kustomizev1.Kustomization, error) {
	patches, err := patchesOf(s.doc)
	if err != nil || len(patches) == 0 {
		return s.root, err
	}
	dir, err := os.MkdirTemp(t.temporary, "root-")
	if err != nil {
		return nil, err
	}
	root := s.root.DeepCopy()
	root.APIVersion, root.Kind = kustomizev1.GroupVersion.String(), kustomizev1.KustomizationKind
	data, err := yaml.Marshal(root)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "root.yaml"), data, 0o600); err != nil {
		return nil, err
	}
	objects, err := build.Render(&kustomizev1.Kustomization{Spec: kustomizev1.KustomizationSpec{Patches: patches}}, dir, build.Variables{}, nil)
	if err != nil {
		return nil, err
	}
	units := build.Units(plain(objects))
	if len(units) != 1 {
		return nil, fmt.Errorf("they leave %d Kustomizations", len(units))
	}
	return units[0].Kustomization, nil
}

// patchesOf are the patches of a FluxInstance, or of the values for one, that change the root Kustomization.
func patchesOf(doc *Doc) ([]kustomize.Patch, error) {
	at := []string{"spec", "kustomize"}
	switch doc.Kind {
	case helmv2Kind:
		at = []string{"spec", "values", "instance", "kustomize"}
	case "":
		at = []string{"instance", "kustomize"}
	case kustomizev1.KustomizationKind:
		return nil, nil
	}
	node := doc.Node
	for _, step := range at {
		if _, node = child(node, step); node == nil {
			return nil, nil
		}
	}
	var ours []kustomize.Patch
	for _, element := range elements(node, "patches") {
		var content any
		if err := element.Decode(&content); err != nil {
			return nil, err
		}
		data, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		var patch kustomize.Patch
		if err := json.Unmarshal(data, &patch); err != nil {
			return nil, err
		}
		if patch.Target == nil {
			continue // it names its object itself; such a patch of the root is rare, and kustomize would refuse those of others
		}
		if kind, err := regexp.Compile("^(?:" + patch.Target.Kind + ")$"); err == nil && (patch.Target.Kind == "" || kind.MatchString(kustomizev1.KustomizationKind)) {
			ours = append(ours, patch)
		}
	}
	return ours, nil
}
