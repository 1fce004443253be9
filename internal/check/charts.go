package check

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/chart"
)

// fillIn fills in the charts of the repository, and notes what they make.
func (l *loader) fillIn() {
	why := map[string][]string{}
	for _, r := range l.cluster.Releases {
		if r.NotLooked = r.unknowable(); r.NotLooked == "" {
			l.render(r)
		}
		if r.NotLooked != "" {
			why[r.NotLooked] = append(why[r.NotLooked], r.Object.String())
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		what := why[reason][0]
		if len(why[reason]) > 1 {
			what = many(len(why[reason]), helmv2Kind)
		}
		l.tree.NotLooked = append(l.tree.NotLooked, NotLooked{fmt.Sprintf("%s: the objects of %s", l.cluster.Name, what), reason})
	}
	l.settle()
}

// unknowable says why nobody can tell here what a chart makes, "" if it can be tried.
func (r *Release) unknowable() string {
	if r.Path == "" {
		return "the chart is not of this repository"
	}
	spec, _, _ := unstructured.NestedMap(r.Object.Object, "spec")
	renderers, _, _ := unstructured.NestedSlice(spec, "postRenderers")
	switch {
	case r.suspended():
		return "it is suspended"
	case spec["kubeConfig"] != nil:
		return "the chart is installed into another cluster (spec.kubeConfig)"
	case len(renderers) > 0:
		return "spec.postRenderers change what the chart makes"
	case r.Object.shared():
		return "something else may write it too (kustomize.toolkit.fluxcd.io/ssa)"
	case r.Open:
		return "the tree does not bring all values of spec.valuesFrom"
	case hasVariable(spec), hasVariable(r.template), hasVariable(r.Values):
		return "a variable in it has a value that is not known"
	}
	return ""
}

// render fills in the chart of a release.
func (l *loader) render(r *Release) {
	made, err := chart.Render(l.tree.dir, r.install())
	unknown, isUnknown := errors.AsType[chart.Unknown](err)
	missing, isMissing := errors.AsType[chart.Missing](err)
	switch {
	case isUnknown:
		r.NotLooked = unknown.Error()
	case isMissing && l.tree.elsewhere(l.cluster, missing.Path):
		r.NotLooked = missing.Path + " may come from another repository"
	case err != nil && l.tree.elsewhere(l.cluster, r.Path):
		r.NotLooked = "parts of the chart may come from another repository"
	case err != nil:
		r.NotLooked, r.Failed = "the chart cannot be rendered", err
	}
	for _, object := range made {
		r.Objects = append(r.Objects, l.tree.made(r, object))
	}
}

// install is the release as Helm takes it.
func (r *Release) install() chart.Release {
	name := r.GetName()
	if namespace := r.text("spec", "targetNamespace"); namespace != "" {
		name = namespace + "-" + name
	}
	in := chart.Release{Chart: r.Path, Name: chart.Shorten(cmp.Or(r.text("spec", "releaseName"), name)), Namespace: r.Namespace, Values: r.Values}
	in.ValuesFiles, _, _ = unstructured.NestedStringSlice(r.template, "valuesFiles")
	in.IgnoreMissing, _, _ = unstructured.NestedBool(r.template, "ignoreMissingValuesFiles")
	in.SkipCRDs = r.text("spec", "install", "crds") == "Skip"
	in.SkipHooks, _, _ = unstructured.NestedBool(r.Object.Object, "spec", "install", "disableHooks")
	in.SkipSchema, _, _ = unstructured.NestedBool(r.Object.Object, "spec", "install", "disableSchemaValidation")
	return in
}
