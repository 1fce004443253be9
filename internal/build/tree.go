package build

import (
	"context"
	"errors"
	"fmt"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Tree is everything that one source holds for one cluster: the root build and the units in it.
type Tree struct {
	// Root are the objects of the root Kustomization.
	Root []*unstructured.Unstructured
	// Units are the objects of the Kustomizations in Root that use the same source, in Root's order.
	Units []*unstructured.Unstructured
	// Failed are the units that could not be built, by "namespace/name". Flux may still be able to (a
	// Secret that only the living cluster has), so it is an error only for who misses an object of theirs.
	Failed map[string]error
}

// All returns the objects of root and units together.
func (t *Tree) All() []*unstructured.Unstructured {
	return append(append([]*unstructured.Unstructured{}, t.Root...), t.Units...)
}

// NewTree builds root and then each unit of the same source that it finds, in the folder dir. Cluster
// answers substituteFrom first and may be nil.
func NewTree(ctx context.Context, root *kustomizev1.Kustomization, dir string, cluster client.Reader) (*Tree, error) {
	objects, err := Kustomization(ctx, root, dir, Vars(cluster, nil))
	if err != nil {
		return nil, err
	}
	tree := &Tree{Root: objects, Failed: map[string]error{}}
	for _, unit := range Units(objects) {
		if source(unit.Kustomization) != source(root) || (unit.Namespace == root.Namespace && unit.Name == root.Name) {
			continue
		}
		built, err := []*unstructured.Unstructured(nil), unit.Unknown
		if err == nil {
			built, err = Kustomization(ctx, unit.Kustomization, dir, Vars(cluster, objects))
		}
		if err != nil {
			tree.Failed[unit.Namespace+"/"+unit.Name] = err
			continue
		}
		tree.Units = append(tree.Units, built...)
	}
	return tree, nil
}

// Unit is a Flux Kustomization of the tree.
type Unit struct {
	*kustomizev1.Kustomization
	// Unknown is set if it has a field that seed does not know: a misspelt one, or one of a newer Flux.
	// It matters only where seed itself acts on the unit. If the unit is Mistyped it is about that.
	Unknown error
}

// Mistyped tells whether a value of the unit does not fit its field: the API server refuses such an object. What else the unit says
// is not known then, but for its metadata. A field that is merely unknown may be of a newer Flux.
func (u Unit) Mistyped() bool {
	return u.Unknown != nil && !runtime.IsStrictDecodingError(errors.Unwrap(u.Unknown))
}

// Units are the Flux Kustomizations among objects.
func Units(objects []*unstructured.Unstructured) []Unit {
	var found []Unit
	for _, object := range objects {
		if object.GroupVersionKind() != kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind) {
			continue
		}
		unit := Unit{Kustomization: &kustomizev1.Kustomization{}}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, unit.Kustomization, true); err != nil {
			unit.Unknown = fmt.Errorf("Kustomization %s/%s: %w", object.GetNamespace(), object.GetName(), err)
			// A value of the wrong type ends the conversion: the name must not be lost.
			unit.Namespace, unit.Name, unit.Annotations = object.GetNamespace(), object.GetName(), object.GetAnnotations()
		}
		found = append(found, unit)
	}
	return found
}

// source names what a Kustomization is built from.
func source(k *kustomizev1.Kustomization) string {
	namespace := k.Spec.SourceRef.Namespace
	if namespace == "" {
		namespace = k.Namespace
	}
	return k.Spec.SourceRef.Kind + "/" + namespace + "/" + k.Spec.SourceRef.Name
}
