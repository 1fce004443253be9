package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Cut takes the objects of the bundle out of the built tree by following references from the
// Kustomization root: source -> secretRef -> ExternalSecret with that target -> store -> what the store logs in
// with. It returns them as YAML documents for Parse, or the first reference that leads nowhere.
func Cut(tree []*unstructured.Unstructured, root types.NamespacedName) ([]byte, error) {
	kustomization := find(tree, kustomizev1.GroupVersion.Group, kustomizev1.KustomizationKind, root)
	if kustomization == nil {
		return nil, fmt.Errorf("the tree has no Kustomization %s", root)
	}
	kind, key := sourceOf(kustomization)
	raw := find(tree, sourcev1.GroupVersion.Group, kind, key)
	if raw == nil {
		return nil, fmt.Errorf("Kustomization %s: spec.sourceRef names %s %s, which is not in the tree", root, kind, key)
	}
	source, err := DecodeSource(raw)
	if err != nil {
		return nil, err
	}
	r := resolver{objects: tree}
	if err := r.source(source); err != nil {
		return nil, err
	}
	return encode(append([]*unstructured.Unstructured{raw, kustomization}, r.used...))
}

// Claims finds, in the built tree, what brings the Secrets that a source refers to. No reference, no claim.
func Claims(tree []*unstructured.Unstructured, source client.Object) ([]Claim, error) {
	r := resolver{objects: tree}
	err := r.source(source)
	return r.claims, err
}

// Differences names the objects of b that the built tree holds otherwise, or no longer. Git wins: seed
// goes on with the tree, and the bundle should be rendered anew.
func (b *Bundle) Differences(tree []*unstructured.Unstructured) []string {
	var names []string
	for _, mine := range b.objects {
		key := types.NamespacedName{Namespace: mine.GetNamespace(), Name: mine.GetName()}
		theirs := find(tree, mine.GroupVersionKind().Group, mine.GetKind(), key)
		if theirs == nil || !same(mine, theirs) {
			names = append(names, describe(mine))
		}
	}
	return names
}

// same compares as JSON: numbers have other types in YAML that was read than in a build.
func same(a, b *unstructured.Unstructured) bool {
	var texts [2]string
	for i, object := range []*unstructured.Unstructured{a, b} {
		content := maps.Clone(object.Object)
		delete(content, "status")
		content["metadata"] = map[string]any{"labels": object.GetLabels(), "annotations": object.GetAnnotations()}
		text, err := json.Marshal(content)
		if err != nil {
			return false
		}
		texts[i] = string(text)
	}
	return texts[0] == texts[1]
}

// sourceOf is the kind and name of the source that a Kustomization names.
func sourceOf(kustomization *unstructured.Unstructured) (kind string, key types.NamespacedName) {
	ref, _, _ := unstructured.NestedStringMap(kustomization.Object, "spec", "sourceRef")
	key = types.NamespacedName{Namespace: ref["namespace"], Name: ref["name"]}
	if key.Namespace == "" {
		key.Namespace = kustomization.GetNamespace()
	}
	return ref["kind"], key
}

// FindRoot returns the Kustomization in the built folder that reconciles this folder itself: the one
// whose spec.path is the folder, which is what makes it the root. One of a version that seed does not read is an error.
func FindRoot(objects []*unstructured.Unstructured, folder string) (*unstructured.Unstructured, error) {
	want := path.Join("/", folder)
	for _, object := range objects {
		gvk := object.GroupVersionKind()
		at, _, _ := unstructured.NestedString(object.Object, "spec", "path")
		if gvk.Group != kustomizev1.GroupVersion.Group || gvk.Kind != kustomizev1.KustomizationKind || path.Join("/", at) != want {
			continue
		}
		if gvk.Version != kustomizev1.GroupVersion.Version {
			return nil, fmt.Errorf("%s: seed reads %s, not %s: change its apiVersion", describe(object), kustomizev1.GroupVersion, object.GetAPIVersion())
		}
		return object, nil
	}
	return nil, fmt.Errorf("%s holds no Kustomization whose spec.path is ./%s: add the root Kustomization to this folder, so that Flux keeps itself in sync", folder, path.Clean(folder))
}

func find(tree []*unstructured.Unstructured, group, kind string, key types.NamespacedName) *unstructured.Unstructured {
	for _, object := range tree {
		gvk := object.GroupVersionKind()
		if gvk.Group == group && gvk.Kind == kind && object.GetNamespace() == key.Namespace && object.GetName() == key.Name {
			return object
		}
	}
	return nil
}

func findByTarget(tree []*unstructured.Unstructured, target types.NamespacedName) *unstructured.Unstructured {
	for _, object := range tree {
		gvk := object.GroupVersionKind()
		if gvk.Group != esv1.Group || gvk.Kind != esv1.ExtSecretKind || object.GetNamespace() != target.Namespace {
			continue
		}
		name, _, _ := unstructured.NestedString(object.Object, "spec", "target", "name")
		if name == "" {
			name = object.GetName()
		}
		if name == target.Name {
			return object
		}
	}
	return nil
}

func encode(objects []*unstructured.Unstructured) ([]byte, error) {
	var out bytes.Buffer
	for i, object := range objects {
		doc, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", describe(object), err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(doc)
	}
	return out.Bytes(), nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
