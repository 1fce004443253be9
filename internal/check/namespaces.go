package check

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// findNamespaces finds namespaces that objects need and nothing creates. Each is found once for each unit.
func findNamespaces(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		there := c.namespaces()
		for _, o := range c.Objects() {
			namespace := o.GetNamespace()
			if o.skipped() || !t.lacks(c, there, namespace, o.Unit) {
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
		for _, r := range c.Releases {
			if namespace := r.needsNamespace(); t.lacks(c, there, namespace, r.Unit) {
				all = append(all, r.withoutNamespace())
			}
		}
	}
	return all
}

// lacks tells, once for each unit, whether nothing creates a namespace that it needs. There holds those that are there, and those
// that units were told to lack.
func (t *Tree) lacks(c *Cluster, there map[string]bool, namespace string, unit *Unit) bool {
	if namespace == "" || !Substituted(namespace) || distributed(namespace) || there[namespace] || there[namespace+" "+unit.ID()] {
		return false
	}
	there[namespace+" "+unit.ID()] = true
	return !c.createdByOthers(namespace) && !t.createdByHand(namespace)
}

// distributed tells whether a namespace is one of Kubernetes, which reserves the prefix kube-, or of OpenShift.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#working-with-namespaces
func distributed(namespace string) bool {
	return strings.HasPrefix(namespace, "kube-") || namespace == "openshift" || strings.HasPrefix(namespace, "openshift-")
}

// needsNamespace is the namespace that a chart is installed into and that is not the release's own: "" if that is so, or if what the chart
// makes is known and tells it better. Nothing is said of a release that is not for this cluster, not now, left alone, or written by others.
func (r *Release) needsNamespace() string {
	spec, _, _ := unstructured.NestedMap(r.Object.Object, "spec")
	suspended, _, _ := unstructured.NestedBool(spec, "suspend")
	if r.NotLooked == "" || suspended || spec["kubeConfig"] != nil || hasVariable(spec["install"]) || r.Object.shared() || r.Object.skipped() || r.Namespace == r.GetNamespace() {
		return ""
	}
	return r.Namespace
}

// withoutNamespace is the finding about a release whose namespace nothing creates. Helm's own record is not in it, but in the namespace of the
// HelmRelease, so the first object that Helm creates there is what fails: if the chart brings the Namespace itself, that is it.
// https://github.com/helm/helm/blob/v4.2.2/pkg/action/install.go
func (r *Release) withoutNamespace() Finding {
	f := r.Object.finding("spec", "targetNamespace")
	f.Severity = Warning
	f.Why = fmt.Sprintf("Nothing that was looked into creates the namespace %s of its chart; unless the chart brings it, or no object for it, Helm ends with: namespaces %q not found.", r.Namespace, r.Namespace)
	f.How = "Add the Namespace to a unit that this one depends on, or let helm-controller create it: spec.install.createNamespace."
	return f
}

// createdByOthers tells whether an object of an operator that is not known may create a namespace: it is called so, maybe without
// a prefix, or names it.
func (c *Cluster) createdByOthers(namespace string) bool {
	return slices.ContainsFunc(c.Objects(), func(o *Object) bool {
		named := o.GetName() == namespace || o.GetNamespace() == "" && strings.HasSuffix(namespace, "-"+o.GetName())
		return o.GetNamespace() != namespace && o.foreign() && (named || names(o.Object["spec"], namespace))
	})
}

// namespaces are those that the cluster has: from the start, for Flux, from the tree and from helm-controller.
func (c *Cluster) namespaces() map[string]bool {
	there := map[string]bool{"default": true, "flux-system": true, c.Root.Namespace: true}
	for _, o := range c.Objects() {
		if o.GetKind() == "Namespace" && o.GroupVersionKind().Group == "" {
			there[o.GetName()] = true
		}
	}
	for _, r := range c.Releases {
		if r.CreateNamespace && r.Namespace != r.GetNamespace() { // else the release itself needs it first
			there[r.Namespace] = true
		}
	}
	return there
}
