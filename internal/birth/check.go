package birth

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/dependency"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
	if err := acyclic(tree); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(tree.Failed)) {
		if err := tree.Failed[name]; errors.Is(err, build.ErrMissing) { // anything else may be there in the living cluster
			return nil, err
		}
	}
	var all []bundle.Claim
	rootSource := sourceID(sourceOf(tree.Root, root))
	for _, unit := range chosen.units {
		if object := sourceOf(tree.Root, unit); object != nil && sourceID(object) == rootSource {
			continue
		}
		_, claims, err := unitSource(tree, unit)
		if err != nil {
			return nil, err
		}
		all = append(all, claims...)
	}
	return all, nil
}

// unitSource returns the source of a planted unit and the claims for the Secrets that it refers to.
func unitSource(tree *build.Tree, unit *kustomizev1.Kustomization) (client.Object, []bundle.Claim, error) {
	object := sourceOf(tree.Root, unit)
	if object == nil {
		return nil, nil, fmt.Errorf("Kustomization %s/%s: spec.sourceRef names %s %s, which is not in the root build",
			unit.Namespace, unit.Name, unit.Spec.SourceRef.Kind, unit.Spec.SourceRef.Name)
	}
	source, err := bundle.DecodeSource(object)
	if err != nil {
		return nil, nil, fmt.Errorf("Kustomization %s/%s is planted: %w", unit.Namespace, unit.Name, err)
	}
	claims, err := bundle.Claims(tree.All(), source)
	if err != nil {
		// The missing object may be in a unit that could not be built.
		return nil, nil, errors.Join(append([]error{err}, slices.Collect(maps.Values(tree.Failed))...)...)
	}
	return source, claims, nil
}

// acyclic finds units that wait for each other. Flux would be planted all the same, but they would never be Ready. With a
// readyExpr a unit may go on before its dependency is Ready:
// https://fluxcd.io/flux/components/kustomize/kustomizations/#dependency-ready-expression
func acyclic(tree *build.Tree) error {
	var units []dependency.Dependent
	for _, unit := range build.Units(tree.All()) {
		waits := unit.DeepCopy()
		waits.Spec.DependsOn = slices.DeleteFunc(waits.Spec.DependsOn, func(on kustomizev1.DependencyReference) bool { return on.ReadyExpr != "" })
		units = append(units, waits)
	}
	if _, err := dependency.Sort(units); err != nil {
		return fmt.Errorf("the Kustomizations' spec.dependsOn: %w: remove one of these dependencies", err)
	}
	return nil
}
