package check

import (
	"fmt"
	"maps"
	"path"
	"slices"
)

// definesGroups are the groups whose definitions (CRDs) a well-known chart brings, by the chart's name.
var definesGroups = map[string][]string{
	"cert-manager":     {"cert-manager.io", "acme.cert-manager.io"},
	"external-secrets": {"external-secrets.io", "generators.external-secrets.io"},
	"longhorn":         {"longhorn.io"},
	"metallb":          {"metallb.io"},
	"traefik":          {"traefik.io"},
}

// findOwnDefinition finds objects in the unit of the chart that brings their kind. Flux tries all of a unit before it applies
// any, so the chart is never installed.
func findOwnDefinition(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		built := t.built(c)
		for _, r := range c.Releases {
			groups := t.definedBy(r)
			for _, o := range r.Unit.Objects {
				gvk := o.GroupVersionKind()
				if !slices.Contains(groups, gvk.Group) || c.defines(gvk.Group, gvk.Kind) {
					continue
				}
				if r.Path == "" && t.spoken(r.Chart, built) {
					break // something else may install it first
				}
				f := o.finding()
				f.Why = fmt.Sprintf("The chart of %s in the same unit brings the definition of its kind: Flux tries all of a unit before it applies any, so in a new cluster the chart is never installed.", r.Object)
				f.How = "Put it into a unit that depends on this one, and give this one wait: true."
				all = append(all, f)
				break
			}
		}
	}
	return all
}

// defines tells whether a unit brings a CustomResourceDefinition: Flux applies those first.
func (c *Cluster) defines(group, kind string) bool {
	for _, o := range c.Applied() {
		if o.GetKind() != "CustomResourceDefinition" {
			continue
		}
		spec, _ := o.Object["spec"].(map[string]any)
		names, _ := spec["names"].(map[string]any)
		if spec["group"] == group && names["kind"] == kind {
			return true
		}
	}
	return false
}

// definedBy are the groups of the definitions that a release brings.
func (t *Tree) definedBy(r *Release) (groups []string) {
	if r.NotLooked != "" {
		return append(t.definesIn(r.Path), definesGroups[r.Chart]...)
	}
	for _, o := range r.Objects {
		if o.GetKind() == "CustomResourceDefinition" {
			groups = append(groups, o.text("spec", "group"))
		}
	}
	return groups
}

// definesIn are the groups of the definitions in a chart of the repository.
func (t *Tree) definesIn(chart string) []string {
	var groups []string
	for name := range t.files {
		if chart == "" || path.Dir(name) != path.Join(chart, "crds") {
			continue
		}
		for _, doc := range t.File(name).Docs {
			if doc.Kind == "CustomResourceDefinition" {
				groups = append(groups, doc.String("spec", "group"))
			}
		}
	}
	return groups
}

// built are the files that a cluster is built from.
func (t *Tree) built(c *Cluster) map[string]bool {
	built := map[string]bool{}
	for _, unit := range c.Units {
		built[unit.File] = true
		maps.Copy(built, t.ReadBy(unit))
	}
	return built
}
