package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/internal/build"
)

// unitVersions are those of the Flux Kustomization that are read here. Kustomize-controller serves the older ones until 1.6 and 1.7;
// what they have is the same in v1, but for oldPatches and spec.validation
// (https://github.com/fluxcd/kustomize-controller/blob/main/CHANGELOG.md#100-rc1).
var unitVersions = []string{"v1", "v1beta2", "v1beta1"}

// oldPatches are fields that v1 does not have: whether the patches in them count depends on the version of Flux.
var oldPatches = []string{"patchesStrategicMerge", "patchesJson6902"}

// isUnitKind tells whether something is a Flux Kustomization, of any version.
func isUnitKind(gvk schema.GroupVersionKind) bool {
	return gvk.Group == kustomizev1.GroupVersion.Group && gvk.Kind == kustomizev1.KustomizationKind
}

// unitsIn are the Flux Kustomizations among objects, read as v1. Of one that is mistyped only path and source are, which is enough to
// know a root by.
func unitsIn(objects []*unstructured.Unstructured) []build.Unit {
	var asV1 []*unstructured.Unstructured
	for _, object := range objects {
		if !isUnitKind(object.GroupVersionKind()) {
			continue
		}
		content := maps.Clone(object.Object)
		content["apiVersion"] = kustomizev1.GroupVersion.String()
		delete(content, "status") // the API server takes none from Git
		asV1 = append(asV1, &unstructured.Unstructured{Object: content})
	}
	found := build.Units(asV1)
	for i := range found {
		if found[i].Mistyped() {
			text := func(field ...string) string {
				value, _, _ := unstructured.NestedString(asV1[i].Object, append([]string{"spec"}, field...)...)
				return value
			}
			found[i].Spec = kustomizev1.KustomizationSpec{Path: text("path"), SourceRef: kustomizev1.CrossNamespaceSourceReference{
				Kind: text("sourceRef", "kind"), Name: text("sourceRef", "name"), Namespace: text("sourceRef", "namespace"),
			}}
		}
	}
	return found
}

// found notes a Kustomization that a unit brings.
func (l *loader) found(parent *Unit, object *Object, found build.Unit) {
	why := unreadable(object, found)
	if root := l.cluster.Root; root.Namespace == found.Namespace && root.Name == found.Name {
		if root.From == nil {
			root.From, root.File, root.Line = object, object.File, object.Line
			l.incomplete(root, why)
		}
		return
	}
	if l.cluster.Unit(found.Namespace, found.Name) != nil {
		return
	}
	unit := &Unit{Kustomization: found.Kustomization, From: object, Parent: parent, File: object.File, Line: object.Line, unread: found.Mistyped()}
	if why == "" {
		l.add(unit)
		return
	}
	l.cluster.Units = append(l.cluster.Units, unit)
	l.skip(unit, why)
}

// unreadable says why it is not known what Flux does with a Kustomization, "" if it is.
func unreadable(o *Object, found build.Unit) string {
	spec, _ := o.Object["spec"].(map[string]any)
	old := func(field string) bool { return spec[field] != nil }
	switch version := o.GroupVersionKind().Version; {
	case !slices.Contains(unitVersions, version):
		return fmt.Sprintf("its version %s is not known here", version)
	case found.Mistyped() && hasVariable(o.Object):
		return "a variable in it has a value that is not known"
	case found.Mistyped():
		return "a value in it does not fit its field, so the API server refuses it"
	case version != kustomizev1.GroupVersion.Version && slices.ContainsFunc(oldPatches, old):
		return "it has patches as only an older Flux knows them: spec." + strings.Join(oldPatches, ", spec.")
	}
	return ""
}

// skip leaves a unit out, and says why.
func (l *loader) skip(unit *Unit, why string) {
	unit.NotLooked = why
	l.incomplete(unit, why)
}

// incomplete notes why not all of a unit is known, if there is a reason.
func (l *loader) incomplete(unit *Unit, why string) {
	if why == "" {
		return
	}
	l.cluster.Incomplete = cmp.Or(l.cluster.Incomplete, fmt.Sprintf("unit %s was not looked into", unit.ID()))
	l.tree.NotLooked = append(l.tree.NotLooked, NotLooked{fmt.Sprintf("%s: unit %s", l.cluster.Name, unit.ID()), why})
}
