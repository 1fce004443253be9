package bundle

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// Cut takes the objects of the bundle out of the built tree by following references from the
// Kustomization root: source -> secretRef -> ExternalSecret with that target -> store. It returns them
// as YAML documents for Parse, or the first reference that leads nowhere.
func Cut(tree []*unstructured.Unstructured, root types.NamespacedName) ([]byte, error) {
	chosen, err := cut(tree, root)
	if err != nil {
		return nil, err
	}
	return encode(chosen)
}

// Differences names the objects of b that the built tree holds otherwise, or no longer. Git wins: seed
// goes on with the tree, and the bundle should be rendered anew.
func (b *Bundle) Differences(tree []*unstructured.Unstructured) []string {
	var names []string
	for _, mine := range b.objects {
		key := types.NamespacedName{Namespace: mine.GetNamespace(), Name: mine.GetName()}
		theirs := find(tree, mine.GroupVersionKind().Group, mine.GetKind(), key)
		if theirs == nil || !equality.Semantic.DeepEqual(mine.Object["spec"], theirs.Object["spec"]) {
			names = append(names, describe(mine))
		}
	}
	return names
}

func cut(tree []*unstructured.Unstructured, root types.NamespacedName) ([]*unstructured.Unstructured, error) {
	kustomization := find(tree, kustomizev1.GroupVersion.Group, kustomizev1.KustomizationKind, root)
	if kustomization == nil {
		return nil, fmt.Errorf("the tree has no Kustomization %s", root)
	}
	ref, _, _ := unstructured.NestedStringMap(kustomization.Object, "spec", "sourceRef")
	sourceKey := types.NamespacedName{Namespace: ref["namespace"], Name: ref["name"]}
	if sourceKey.Namespace == "" {
		sourceKey.Namespace = root.Namespace
	}
	source := find(tree, sourcev1.GroupVersion.Group, ref["kind"], sourceKey)
	if source == nil {
		return nil, fmt.Errorf("Kustomization %s: spec.sourceRef names %s %s, which is not in the tree", root, ref["kind"], sourceKey)
	}
	chosen := []*unstructured.Unstructured{source, kustomization}
	claims, err := cutClaims(tree, secretNames(source), source.GetNamespace())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", describe(source), err)
	}
	return append(chosen, claims...), nil
}

// Claims finds, in the built tree, what brings the Secrets that a source refers to (a GitRepository's or
// an OCIRepository's secretRef and certSecretRef). No reference, no claim.
func Claims(tree []*unstructured.Unstructured, source *unstructured.Unstructured) ([]Claim, error) {
	names := secretNames(source)
	objects, err := cutClaims(tree, names, source.GetNamespace())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", describe(source), err)
	}
	var d decoded
	for _, object := range objects {
		if err := d.add(object); err != nil {
			return nil, err
		}
	}
	claims := make([]Claim, 0, len(names))
	for _, name := range names {
		claim, err := d.claim(types.NamespacedName{Namespace: source.GetNamespace(), Name: name})
		if err != nil {
			return nil, err
		}
		claims = append(claims, claim)
	}
	return claims, nil
}

// cutClaims finds the ExternalSecrets for the Secrets names in namespace, and their stores, each once.
func cutClaims(tree []*unstructured.Unstructured, names []string, namespace string) ([]*unstructured.Unstructured, error) {
	var chosen []*unstructured.Unstructured
	for _, name := range names {
		target := types.NamespacedName{Namespace: namespace, Name: name}
		es := findByTarget(tree, target)
		if es == nil {
			return nil, fmt.Errorf("it needs the Secret %s, but no ExternalSecret in the tree has it as spec.target", target)
		}
		storeName, _, _ := unstructured.NestedString(es.Object, "spec", "secretStoreRef", "name")
		kind, _, _ := unstructured.NestedString(es.Object, "spec", "secretStoreRef", "kind")
		store := find(tree, esv1.Group, kind, types.NamespacedName{Name: storeName})
		if store == nil {
			return nil, fmt.Errorf("%s: spec.secretStoreRef names %s %q, which is not in the tree", describe(es), kind, storeName)
		}
		for _, object := range []*unstructured.Unstructured{es, store} {
			if !slices.Contains(chosen, object) {
				chosen = append(chosen, object)
			}
		}
	}
	return chosen, nil
}

// secretNames are the Secrets that a source refers to, in a fixed order.
func secretNames(source *unstructured.Unstructured) []string {
	var names []string
	for _, field := range []string{"secretRef", "certSecretRef"} {
		if name, _, _ := unstructured.NestedString(source.Object, "spec", field, "name"); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// FindRoot returns the Kustomization in the built folder that reconciles this folder itself: the one
// whose spec.path is the folder, which is what makes it the root.
func FindRoot(objects []*unstructured.Unstructured, folder string) (*unstructured.Unstructured, error) {
	want := path.Join("/", folder)
	for _, object := range objects {
		gvk := object.GroupVersionKind()
		at, _, _ := unstructured.NestedString(object.Object, "spec", "path")
		if gvk.Group == kustomizev1.GroupVersion.Group && gvk.Kind == kustomizev1.KustomizationKind && path.Join("/", at) == want {
			return object, nil
		}
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
