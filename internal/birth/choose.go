package birth

import (
	"fmt"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/dependency"
	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
)

// chosen is the part of the root build that seed applies; the rest is left to Flux.
type chosen struct {
	// flux are the objects of Flux itself, in a root of the classic layout (gotk-components.yaml).
	flux []*unstructured.Unstructured
	// units are the Kustomizations to plant, in dependsOn order.
	units []*kustomizev1.Kustomization
	// sync are the root source and Kustomization, and those of the planted units: Flux goes on with them.
	sync []*unstructured.Unstructured
}

// choose picks from the root build what is needed for Flux to go on by itself.
func choose(rootBuild []*unstructured.Unstructured, root *kustomizev1.Kustomization) (*chosen, error) {
	c := &chosen{}
	if sourceOf(rootBuild, root) == nil {
		return nil, fmt.Errorf("the folder %s does not hold the root source %s %s itself: Flux would have nothing to go on with",
			root.Spec.Path, root.Spec.SourceRef.Kind, root.Spec.SourceRef.Name)
	}
	planted, wanted, err := plantedUnits(rootBuild, root)
	if err != nil {
		return nil, err
	}
	for _, object := range rootBuild {
		switch {
		case wanted[sourceID(object)] && strings.HasSuffix(object.GroupVersionKind().Group, ".toolkit.fluxcd.io"):
			c.sync = append(c.sync, object)
		case object.GetLabels()["app.kubernetes.io/part-of"] == "flux":
			c.flux = append(c.flux, object)
		}
	}
	if len(c.flux) == 0 && len(planted) == 0 {
		return nil, fmt.Errorf("nothing in the folder %s brings Flux: put gotk-components.yaml there, or annotate the Kustomization that installs Flux with %s: \"true\"", root.Spec.Path, bundle.PlantAnnotation)
	}
	c.units, err = inOrder(planted)
	return c, err
}

// plantedUnits are the annotated units, and wanted the IDs of the objects with which Flux goes on: the root
// and the planted units, each with its source.
func plantedUnits(rootBuild []*unstructured.Unstructured, root *kustomizev1.Kustomization) (planted []*kustomizev1.Kustomization, wanted map[string]bool, err error) {
	wanted = map[string]bool{}
	for _, unit := range build.Units(rootBuild) {
		isRoot := unit.Namespace == root.Namespace && unit.Name == root.Name
		marked, err := isMarked(unit)
		if err != nil {
			return nil, nil, err
		}
		if !isRoot && !marked {
			continue
		}
		if unit.Unknown != nil {
			return nil, nil, unit.Unknown
		}
		if !isRoot {
			planted = append(planted, unit.Kustomization)
		}
		wanted["Kustomization/"+unit.Namespace+"/"+unit.Name] = true
		if source := sourceOf(rootBuild, unit.Kustomization); source != nil {
			wanted[sourceID(source)] = true
		}
	}
	return planted, wanted, nil
}

// isMarked tells whether a unit is to be planted. What is spelt almost so must not pass for "no".
func isMarked(unit build.Unit) (bool, error) {
	for name, value := range unit.Annotations {
		if !strings.HasPrefix(name, bundle.AnnotationPrefix) {
			continue
		}
		if name != bundle.PlantAnnotation || value != "true" && value != "false" {
			return false, fmt.Errorf("Kustomization %s/%s has the annotation %s: %q; seed knows %s with \"true\" or \"false\"", unit.Namespace, unit.Name, name, value, bundle.PlantAnnotation)
		}
	}
	return unit.Annotations[bundle.PlantAnnotation] == "true", nil
}

// inOrder sorts planted units so that each comes after those it depends on. A unit whose pruning would
// delete what keeps the cluster alive, and a dependency that is not planted, are errors.
func inOrder(units []*kustomizev1.Kustomization) ([]*kustomizev1.Kustomization, error) {
	byName := map[string]*kustomizev1.Kustomization{}
	var nodes []dependency.Dependent
	for _, unit := range units {
		name := unit.Namespace + "/" + unit.Name
		if err := plantable(unit); err != nil {
			return nil, fmt.Errorf("Kustomization %s is planted: %w", name, err)
		}
		if unit.Spec.Prune && unit.Spec.DeletionPolicy != kustomizev1.DeletionPolicyOrphan {
			return nil, fmt.Errorf("Kustomization %s is planted and has spec.prune: true: deleting it would delete what it planted; set prune: false or deletionPolicy: Orphan", name)
		}
		byName[name] = unit
		nodes = append(nodes, unit)
	}
	for _, unit := range units {
		for _, dependency := range unit.Spec.DependsOn {
			namespace := dependency.Namespace
			if namespace == "" {
				namespace = unit.Namespace
			}
			if byName[namespace+"/"+dependency.Name] == nil {
				return nil, fmt.Errorf("Kustomization %s/%s is planted but depends on %s/%s, which is not: annotate that one too, or remove the dependency", unit.Namespace, unit.Name, namespace, dependency.Name)
			}
		}
	}
	sorted, err := dependency.Sort(nodes)
	if err != nil {
		return nil, fmt.Errorf("ordering the planted Kustomizations: %w", err)
	}
	ordered := make([]*kustomizev1.Kustomization, 0, len(sorted))
	for _, ref := range sorted {
		ordered = append(ordered, byName[ref.Namespace+"/"+ref.Name])
	}
	return ordered, nil
}

// plantable names the first field of a planted unit that seed does not honour as kustomize-controller does.
func plantable(unit *kustomizev1.Kustomization) error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"spec.decryption", unit.Spec.Decryption != nil},
		{"spec.kubeConfig", unit.Spec.KubeConfig != nil},
		{"spec.serviceAccountName", unit.Spec.ServiceAccountName != ""},
		{"spec.suspend", unit.Spec.Suspend},
	} {
		if field.set {
			return fmt.Errorf("%s is not supported by seed: remove it, or leave the unit to Flux", field.name)
		}
	}
	return nil
}

// sourceOf finds the source object of a unit in the root build; nil if it is not there.
func sourceOf(rootBuild []*unstructured.Unstructured, unit *kustomizev1.Kustomization) *unstructured.Unstructured {
	for _, object := range rootBuild {
		if sourceID(object) == sourceKey(unit) && object.GroupVersionKind().Group == "source.toolkit.fluxcd.io" {
			return object
		}
	}
	return nil
}

// sourceKey is the sourceID of the source that a unit names.
func sourceKey(unit *kustomizev1.Kustomization) string {
	ref := unit.Spec.SourceRef
	if ref.Namespace == "" {
		ref.Namespace = unit.Namespace
	}
	return ref.Kind + "/" + ref.Namespace + "/" + ref.Name
}

func sourceID(object *unstructured.Unstructured) string {
	return object.GetKind() + "/" + object.GetNamespace() + "/" + object.GetName()
}

// count sums a change set up: "12 created, 3 unchanged".
func count(changes *ssa.ChangeSet) string {
	var parts []string
	for _, action := range []ssa.Action{ssa.CreatedAction, ssa.ConfiguredAction, ssa.UnchangedAction, ssa.SkippedAction} {
		n := 0
		for _, entry := range changes.Entries {
			if entry.Action == action {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, action))
		}
	}
	return strings.Join(parts, ", ")
}
