package check

import (
	"errors"
	"fmt"
	"path"

	"github.com/tazlab/seed/internal/chart"
)

// findUnrendered finds charts of the repository that Helm cannot render with the values of a release.
func findUnrendered(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, r := range c.Releases {
			if r.Failed != nil {
				all = append(all, t.unrendered(r))
			}
		}
	}
	return all
}

func (t *Tree) unrendered(r *Release) Finding {
	f := r.Object.finding("spec", "chart", "spec", "chart")
	missing, isMissing := errors.AsType[chart.Missing](r.Failed)
	switch {
	case isMissing && t.inCheckout(missing.Path):
		f.Why = fmt.Sprintf("Its chart %s needs %s, and Flux's artifact has no such thing: .sourceignore or Flux's default rules leave it out.", r.Path, missing.Path)
		f.How = "Let it in with a line !/" + missing.Path + " in .sourceignore."
	case isMissing:
		f.Why = fmt.Sprintf("It needs %s, which is not in the repository, so nothing of its chart is installed.", missing.Path)
		f.How = t.advice(missing.Path, ".", func(name string) bool {
			if path.Ext(missing.Path) != "" { // a values file
				return t.IsFile(name) && path.Ext(name) == path.Ext(missing.Path)
			}
			return t.IsFile(name + "/Chart.yaml")
		})
	case r.secret: // which Helm may repeat
		f.Why = fmt.Sprintf("Helm cannot render the chart %s with its values, so nothing of it is installed; the reason may have what is secret in it.", r.Path)
		f.How = "Try \"helm template\" with its values."
	default:
		f.Why = fmt.Sprintf("Helm cannot render the chart %s with its values, so nothing of it is installed: %s.", r.Path, oneLine(t.withoutFolders(r.Failed.Error())))
		f.How = "Correct the chart or the values; \"helm template\" with the same values says the same."
	}
	return f
}
