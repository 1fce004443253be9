package check

import (
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/tazlab/seed/internal/bundle"
)

// findPrune finds units that seed plants, for the cluster stands on them, and that Flux would prune.
func findPrune(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			if unit == c.Root || unit.Annotations[bundle.PlantAnnotation] != "true" || !unit.Spec.Prune || unit.Spec.DeletionPolicy == kustomizev1.DeletionPolicyOrphan {
				continue
			}
			f := unit.finding("spec", "prune")
			f.Why = "seed plants it and it has prune: true, so who removes it from Git removes what the whole cluster stands on."
			f.How = "Set prune: false, or deletionPolicy: Orphan."
			all = append(all, f)
		}
	}
	return all
}
