package check

import (
	"fmt"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
)

// findTwice finds objects that two units, or charts, apply: each takes them from the other, and who of them goes takes them along.
func findTwice(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		first := map[id]*Object{}
		for _, o := range c.Objects() {
			if o.Unit.Spec.Suspend || o.shared() || o.skipped() || o.Hook || o.Definition || !Substituted(o.String()) {
				continue
			}
			other := first[idOf(o)]
			if other == nil {
				first[idOf(o)] = o
				continue
			}
			if !other.sameSource(o) {
				all = append(all, twice(o, other))
			}
		}
	}
	return all
}

// sameSource tells whether two objects of one name come from the same unit or release. A release that is there twice is told itself.
func (o *Object) sameSource(other *Object) bool {
	if o.Release != nil && other.Release != nil {
		return idOf(o.Release.Object) == idOf(other.Release.Object)
	}
	return o.Unit == other.Unit && o.Release == other.Release
}

// twice tells of an object that another one is, which came first.
func twice(o, other *Object) Finding {
	f := o.finding()
	f.Why = fmt.Sprintf("Unit %s applies it too (%s:%d): each takes it from the other at every reconciliation, and deletes it when it no longer has it.", other.Unit.ID(), other.File, other.Line)
	f.How = "Leave it in one unit, and let the other depend on that."
	switch {
	case o.Release != nil: // a unit's come first
		f.Why = fmt.Sprintf("%s brings it too (%s:%d): each takes it from the other when it applies it, and deletes it when it no longer has it.", other.from(), other.File, other.Line)
		f.How = "Leave it to one of them."
	case o.kept() && other.kept():
		f.Severity = Warning
		f.Why = fmt.Sprintf("Unit %s applies it too (%s:%d): each takes it from the other at every reconciliation. Neither would delete it.", other.Unit.ID(), other.File, other.Line)
	}
	return f
}

// from is who applies an object.
func (o *Object) from() string {
	if o.Release != nil {
		return "The chart of " + o.Release.Object.String()
	}
	return "Unit " + o.Unit.ID()
}

// kept tells whether Flux does not delete an object that its unit no longer has.
func (o *Object) kept() bool {
	prune := "kustomize.toolkit.fluxcd.io/prune"
	return !o.Unit.Spec.Prune || strings.EqualFold(o.GetAnnotations()[prune], "disabled") || strings.EqualFold(o.GetLabels()[prune], "disabled")
}

// shared tells whether an object asks Flux, or Helm, not to own it alone.
func (o *Object) shared() bool {
	if o.Release != nil {
		return strings.EqualFold(o.GetAnnotations()["helm.sh/resource-policy"], "keep")
	}
	return slices.ContainsFunc([]string{kustomizev1.MergeValue, kustomizev1.IfNotPresentValue, kustomizev1.IgnoreValue}, func(how string) bool {
		return ssautil.AnyInMetadata(o.Unstructured, map[string]string{kustomizev1.GroupVersion.Group + "/ssa": how})
	})
}
