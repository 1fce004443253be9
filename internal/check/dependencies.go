package check

import (
	"cmp"
	"fmt"
	"slices"
)

// findUnknownDependency finds dependencies on units that the cluster does not have.
func findUnknownDependency(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			for _, ref := range unit.Spec.DependsOn {
				namespace := cmp.Or(ref.Namespace, unit.Namespace)
				if c.Unit(namespace, ref.Name) != nil || !Substituted(namespace+ref.Name+unit.ID()) {
					continue
				}
				f := unit.finding("spec", "dependsOn", "name="+ref.Name)
				f.Why = fmt.Sprintf("It waits for unit %s/%s, which is not in cluster %s, so it is never applied.", namespace, ref.Name, c.Name)
				f.How = "Correct the name or remove the dependency."
				if other := c.named(ref.Name); other != nil {
					f.How = fmt.Sprintf("Give its namespace: there is a unit %s.", other.ID())
				}
				if unknown := c.unknown(); unknown != "" {
					f.Severity = Warning
					f.Why = fmt.Sprintf("It waits for unit %s/%s, which nothing brings that was looked into; %s.", namespace, ref.Name, unknown)
				}
				all = append(all, f)
			}
		}
	}
	return all
}

// named returns the first unit of a name, in any namespace.
func (c *Cluster) named(name string) *Unit {
	for _, unit := range c.Units {
		if unit.Name == name {
			return unit
		}
	}
	return nil
}

// unknown says what could bring objects that are not known: "" if nothing could.
func (c *Cluster) unknown() string {
	if c.Incomplete == "" && slices.ContainsFunc(c.Releases, func(r *Release) bool { return r.NotLooked != "" }) {
		return "not all charts were"
	}
	return c.Incomplete
}

// findSuspendedDependency finds dependencies on units that Flux does not work on.
func findSuspendedDependency(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			for _, other := range c.waitsFor(unit) {
				if !other.Spec.Suspend || unit.Spec.Suspend {
					continue
				}
				f := unit.finding("spec", "dependsOn", "name="+other.Name)
				f.Why = fmt.Sprintf("It waits for unit %s, which is suspended, so in a new cluster it is never applied.", other.ID())
				f.How = "Remove the dependency, or suspend: true there."
				all = append(all, f)
			}
		}
	}
	return all
}
