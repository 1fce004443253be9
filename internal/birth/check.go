package birth

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
)

// Check finds, before there is a cluster, what would block the planting of tree, and returns the claims
// that the planted units need beside those of the bundle.
func Check(tree *build.Tree, root *kustomizev1.Kustomization) ([]bundle.Claim, error) {
	chosen, err := choose(tree.Root, root)
	if err != nil {
		return nil, err
	}
	var all []bundle.Claim
	rootSource := sourceID(sourceOf(tree.Root, root))
	for _, unit := range chosen.units {
		if object := sourceOf(tree.Root, unit); object != nil && sourceID(object) == rootSource {
			continue
		}
		_, claims, err := ociSource(tree, unit)
		if err != nil {
			return nil, err
		}
		all = append(all, claims...)
	}
	return all, nil
}

// ociSource returns the OCIRepository of a planted unit and the claims for the Secrets that it refers to.
func ociSource(tree *build.Tree, unit *kustomizev1.Kustomization) (*sourcev1.OCIRepository, []bundle.Claim, error) {
	object := sourceOf(tree.Root, unit)
	if object == nil {
		return nil, nil, fmt.Errorf("Kustomization %s/%s: spec.sourceRef names %s %s, which is not in the root build",
			unit.Namespace, unit.Name, unit.Spec.SourceRef.Kind, unit.Spec.SourceRef.Name)
	}
	if object.GetKind() != sourcev1.OCIRepositoryKind {
		return nil, nil, fmt.Errorf("Kustomization %s/%s: seed plants units from the root source or an OCIRepository, not from %s %s",
			unit.Namespace, unit.Name, object.GetKind(), object.GetName())
	}
	repo := &sourcev1.OCIRepository{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, repo, true); err != nil {
		return nil, nil, fmt.Errorf("OCIRepository %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	claims, err := bundle.Claims(tree.All(), object)
	if err != nil {
		// The missing ExternalSecret may be in a unit that could not be built.
		return nil, nil, errors.Join(append([]error{err}, slices.Collect(maps.Values(tree.Failed))...)...)
	}
	return repo, claims, nil
}
