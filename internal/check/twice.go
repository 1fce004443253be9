package check

import (
	"fmt"
	"strings"
)

// findTwice finds objects that two units, or charts, apply: each takes them from the other, and who of them goes takes them along.
func findTwice(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		first := map[id]*Object{}
		for _, o := range c.Objects() {
			if o.Unit.Spec.Suspend || o.shared() || o.Hook || o.Definition || !Substituted(o.String()) {
				continue
			}
			other := first[idOf(o)]
			if other == nil {
				first[idOf(o)] = o
				continue
			}
			if other.Unit == o.Unit && other.Release == o.Release {
				continue
			}
			if o.Release != nil && other.Release != nil && idOf(o.Release.Object) == idOf(other.Release.Object) {
				continue // the release itself is what is there twice
			}
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
			all = append(all, f)
		}
	}
	return all
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
	for _, how := range []string{"Merge", "IfNotPresent", "Ignore"} {
		if strings.EqualFold(o.GetAnnotations()["kustomize.toolkit.fluxcd.io/ssa"], how) {
			return true
		}
	}
	return false
}
