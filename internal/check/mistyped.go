package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// mistyped finds the values of a Flux Kustomization that do not fit its fields. They are known also where the tree does not bring the
// definition, as under flux-operator. What is in them is not told: it may be secret.
func (o *Object) mistyped() []Finding {
	if !slices.Contains(unitVersions, o.GroupVersionKind().Version) {
		return nil
	}
	fits := func(spec any) bool {
		like := map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "spec": spec}
		return !unitsIn([]*unstructured.Unstructured{{Object: like}})[0].Mistyped()
	}
	var all []Finding
	for _, path := range misfits(o.Object["spec"], fits) {
		at := append([]string{"spec"}, path...)
		f := o.finding(at...)
		for shorter := at; f.Line == o.Line && len(shorter) > 0; shorter = shorter[:len(shorter)-1] {
			f.Line = o.LineOf(shorter...)
		}
		f.Why = fmt.Sprintf("The value of %s is none that Flux reads there, so the API server refuses the object, and with it its whole unit or chart.", strings.Join(at, "."))
		f.How = "Write it as \"kubectl explain kustomizations.kustomize.toolkit.fluxcd.io\" says; a text that looks like a number or a truth value stands in quotes."
		all = append(all, f)
	}
	return all
}

// misfits lead to the values that do not fit their fields, none if all do. The converter does not say where they are, so each value is
// tried by itself, as fits tries a whole.
func misfits(value any, fits func(any) bool) [][]string {
	if fits(value) {
		return nil
	}
	var below [][]string
	try := func(step string, value any, alone func(any) any) {
		for _, path := range misfits(value, func(v any) bool { return fits(alone(v)) }) {
			below = append(below, append([]string{step}, path...))
		}
	}
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if fits(map[string]any{}) { // else it should be no map at all
				try(name, value[name], func(v any) any { return map[string]any{name: v} })
			}
		}
	case []any:
		for i, element := range value {
			if fits([]any{}) {
				try(strconv.Itoa(i), element, func(v any) any { return []any{v} })
			}
		}
	}
	if len(below) == 0 {
		return [][]string{nil}
	}
	return below
}
