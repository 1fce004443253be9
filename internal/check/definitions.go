package check

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// definesGroups are the groups whose definitions (CRDs) a well-known chart brings, by the chart's name.
var definesGroups = map[string][]string{
	"cert-manager":     {"cert-manager.io", "acme.cert-manager.io"},
	"external-secrets": {"external-secrets.io", "generators.external-secrets.io"},
	"longhorn":         {"longhorn.io"},
	"metallb":          {"metallb.io"},
	"traefik":          {"traefik.io"},
	"trust-manager":    {"trust.cert-manager.io", "trust-manager.io"},
}

// findOwnDefinition finds objects in the unit of the chart that brings their kind. Flux tries all of a unit before it applies
// any, so the chart is never installed, unless the definition comes from elsewhere.
func findOwnDefinition(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		if c.Incomplete != "" {
			continue // what was not looked into may bring it
		}
		built := t.built(c)
		for _, r := range c.Releases {
			groups := t.definedBy(r)
			for _, o := range r.Unit.Objects {
				gvk := o.GroupVersionKind()
				if !slices.Contains(groups, gvk.Group) || o.skipped() || c.defines(gvk.Group, gvk.Kind) || t.definedElsewhere(c, r, gvk.Group) {
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

// definedElsewhere tells whether another release brings the definitions of a group to a new cluster, or may: of those that are not known
// the ones that come before the unit of r, and the ones that are called so.
func (t *Tree) definedElsewhere(c *Cluster, r *Release, group string) bool {
	before, known := c.before(r.Unit)
	return !known || slices.ContainsFunc(c.Releases, func(other *Release) bool {
		switch may := definesGroups[other.Chart]; {
		case other.Unit == r.Unit: // which Flux applies as a whole or not at all
			return false
		case slices.Contains(t.definedBy(other), group):
			return true
		case other.NotLooked == "", may != nil && !slices.Contains(may, group):
			return false
		}
		_, first := before[other.Unit]
		called := strings.Contains(strings.ToLower(other.Chart+" "+other.GetName()), "crd")
		return first || called || r.Unit.below(other.Unit)
	})
}

// definedBy are the groups of the definitions that a release is known to bring to the cluster.
func (t *Tree) definedBy(r *Release) (groups []string) {
	if r.NotLooked == "" {
		for _, o := range r.Objects {
			if o.GetKind() == "CustomResourceDefinition" {
				groups = append(groups, o.text("spec", "group"))
			}
		}
		return groups
	}
	_, remote, _ := unstructured.NestedFieldNoCopy(r.Object.Object, "spec", "kubeConfig")
	crds := r.text("spec", "install", "crds")
	switch {
	case remote, crds == "Skip", !Substituted(crds):
		return nil
	case r.switchedOn():
		groups = slices.Clone(definesGroups[r.Chart])
	}
	return append(groups, t.definesIn(r.Path)...)
}

// asked are charts that bring definitions only if their values say so
// (https://github.com/cert-manager/cert-manager/blob/master/deploy/charts/cert-manager/values.yaml).
var asked = []string{"cert-manager"}

// switchedOn tells whether the values of a release are known not to keep its chart from bringing definitions: installCRDs, and all of
// crds but "keep", which is about their removal.
func (r *Release) switchedOn() bool {
	crds, _ := r.Values["crds"].(map[string]any)
	switches := maps.Clone(crds)
	delete(switches, "keep")
	on := r.Values["installCRDs"] == true || crds["enabled"] == true
	off := func(value any) bool {
		on, isBool := value.(bool)
		_, isText := value.(string) // a variable that is not known
		return isBool && !on || isText
	}
	return !r.Open && !off(r.Values["installCRDs"]) && !slices.ContainsFunc(slices.Collect(maps.Values(switches)), off) &&
		(on || !slices.Contains(asked, r.Chart))
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
