package check

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/bundle"
)

// findUnclaimable finds what seed starts from and cannot honour. Nothing is said of a cluster that seed does not plant.
func findUnclaimable(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		if !c.planted() || c.Root.From == nil {
			continue
		}
		for _, err := range c.claim() {
			all = append(all, c.unclaimable(err)...)
		}
	}
	return all
}

// planted tells whether something in the cluster is for seed.
func (c *Cluster) planted() bool {
	return slices.ContainsFunc(c.Applied(), func(o *Object) bool {
		for name := range o.GetAnnotations() {
			if strings.HasPrefix(name, bundle.AnnotationPrefix) {
				return true
			}
		}
		return false
	})
}

// claim does what seed does with the tree before it asks a vault: for the root's source, and those of planted units.
func (c *Cluster) claim() []error {
	objects := c.plain()
	_, err := bundle.Cut(objects, types.NamespacedName{Namespace: c.Root.Namespace, Name: c.Root.Name})
	errs := []error{err}
	for _, unit := range c.Units {
		if unit.Annotations[bundle.PlantAnnotation] != "true" || sourceID(unit) == sourceID(c.Root) {
			continue
		}
		ref := unit.Spec.SourceRef
		raw := c.Find("source.toolkit.fluxcd.io", ref.Kind, cmp.Or(ref.Namespace, unit.Namespace), ref.Name)
		if raw == nil || raw.Release != nil {
			continue
		}
		source, err := bundle.DecodeSource(raw.Unstructured)
		if err == nil {
			_, err = bundle.Claims(objects, source)
		}
		errs = append(errs, err)
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// unclaimable finds the objects that an error is about.
func (c *Cluster) unclaimable(err error) []Finding {
	var all []Finding
	for _, o := range c.Applied() {
		own := bundle.Check(o.Unstructured)
		if own == nil || !strings.Contains(err.Error(), own.Error()) || hasVariable(o.Object) {
			continue
		}
		for line := range strings.SplitSeq(own.Error(), "\n") {
			f := o.finding("spec")
			f.Why = "seed starts from it, and so does not start: " + oneLine(strings.TrimPrefix(line, o.String()+": ")) + "."
			f.How = "Change that, or keep what seed starts from in an object of its own; \"seed render\" refuses the same."
			all = append(all, f)
		}
	}
	return all
}
