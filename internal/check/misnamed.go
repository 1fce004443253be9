package check

import "fmt"

// misnamed finds the variables of a unit that Flux refuses for their names, where they are written. Units that share them share the
// finding.
func (c *Cluster) misnamed(unit *Unit, names []string) []Finding {
	var all []Finding
	for _, name := range names {
		f := unit.finding("spec", "postBuild", "substitute", name)
		for _, ref := range unit.Spec.PostBuild.SubstituteFrom {
			o := c.Find("", ref.Kind, unit.Namespace, ref.Name)
			if o == nil {
				continue
			}
			if _, has := valuesOf(o)[name]; has {
				f = o.finding("data", name)
			}
		}
		f.Why = fmt.Sprintf("Flux refuses each unit whose spec.postBuild takes variables from here: %q is no name of a variable (letters, digits and _, no digit first).", name)
		f.How = "Rename it, or keep it where no spec.postBuild takes variables from."
		all = append(all, f)
	}
	return all
}
