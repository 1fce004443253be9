package check

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// findNamespaces finds namespaces that objects need and nothing creates. Each is found once for each unit.
func findNamespaces(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		there := c.namespaces()
		for _, o := range c.Objects() {
			namespace := o.GetNamespace()
			if namespace == "" || o.skipped() || !Substituted(namespace) || there[namespace+" "+o.Unit.ID()] || there[namespace] {
				continue
			}
			there[namespace+" "+o.Unit.ID()] = true
			if c.createdByOthers(namespace) || t.createdByHand(namespace) {
				continue
			}
			f := o.finding("metadata", "namespace")
			f.Why = fmt.Sprintf("No unit creates its namespace %s, so the whole unit cannot be applied.", namespace)
			f.How = "Add the Namespace, to this unit or to one that it depends on."
			if r := o.Release; r != nil {
				if namespace == r.Namespace {
					f = r.Object.finding("spec", "targetNamespace")
				}
				f.Why = fmt.Sprintf("Nothing creates the namespace %s of its chart, so that cannot be installed.", namespace)
				f.How = "Add the Namespace to a unit that this one depends on, or let helm-controller create it: spec.install.createNamespace."
			}
			if unknown := c.unknown(); unknown != "" {
				f.Severity = Warning
				f.Why = fmt.Sprintf("Nothing that was looked into creates its namespace %s; %s.", namespace, unknown)
			}
			all = append(all, f)
		}
	}
	return all
}

// createdByOthers tells whether an object of an operator that is not known may create a namespace: it is called so, maybe without
// a prefix, or names it.
func (c *Cluster) createdByOthers(namespace string) bool {
	return slices.ContainsFunc(c.Objects(), func(o *Object) bool {
		named := o.GetName() == namespace || o.GetNamespace() == "" && strings.HasSuffix(namespace, "-"+o.GetName())
		return o.GetNamespace() != namespace && o.foreign() && (named || names(o.Object["spec"], namespace))
	})
}

// creates matches what says in a script, a template or a helmfile that it creates namespaces.
var creates = regexp.MustCompile(`(?i)kind: *namespace\b|create (ns|namespace)\b|\breleases:`)

// createdByHand tells whether a file that no cluster is built from may create a namespace: a script, or what another tool installs.
func (t *Tree) createdByHand(namespace string) bool {
	used, indexes := t.used()
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(namespace) + `\b`)
	for name := range t.files {
		forgotten := indexes[path.Dir(name)] != nil // beside what a unit is built from
		if used[name] || forgotten || path.Ext(name) == ".md" || !t.mentions(name, namespace) {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(t.dir, name)); err == nil && creates.Match(data) && word.Match(data) {
			return true
		}
	}
	return false
}

// namespaces are those that the cluster has: from the start, for Flux, from the tree and from helm-controller.
func (c *Cluster) namespaces() map[string]bool {
	there := map[string]bool{"default": true, "kube-system": true, "kube-public": true, "kube-node-lease": true, "flux-system": true, c.Root.Namespace: true}
	for _, o := range c.Objects() {
		if o.GetKind() == "Namespace" && o.GroupVersionKind().Group == "" {
			there[o.GetName()] = true
		}
	}
	for _, r := range c.Releases {
		if r.CreateNamespace {
			there[r.Namespace] = true
		}
	}
	return there
}
