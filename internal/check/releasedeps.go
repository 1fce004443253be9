package check

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// releaseRef is a HelmRelease that another one depends on.
type releaseRef struct {
	namespace, name string
	// asked says that Flux asks readyExpr, and not whether the release is Ready.
	asked bool
}

// dependsOn are the releases that a release waits for; without a namespace they are in its own.
// https://fluxcd.io/flux/components/helm/helmreleases/#dependencies
func (r *Release) dependsOn() []releaseRef {
	var all []releaseRef
	list, _, _ := unstructured.NestedSlice(r.Object.Object, "spec", "dependsOn")
	for _, entry := range list {
		content, _ := entry.(map[string]any)
		text := func(field string) string { s, _, _ := unstructured.NestedString(content, field); return s }
		all = append(all, releaseRef{cmp.Or(text("namespace"), r.GetNamespace()), text("name"), text("readyExpr") != ""})
	}
	return all
}

// works tells whether helm-controller works on a release in a new cluster as it stands in the tree.
func (r *Release) works() bool {
	return !r.suspended() && !r.Unit.Spec.Suspend && !r.shared() && !r.skipped() && Substituted(r.text("spec", "suspend"))
}

// release returns the one that a reference means, nil if no unit applies it.
func (c *Cluster) release(ref releaseRef) *Release {
	for _, r := range c.Releases {
		if r.GetNamespace() == ref.namespace && r.GetName() == ref.name {
			return r
		}
	}
	return nil
}

// findUnknownRelease finds dependencies on HelmReleases that the cluster does not have.
func findUnknownRelease(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, r := range c.Releases {
			for _, ref := range r.dependsOn() {
				if r.works() && !c.mayHave(ref) {
					all = append(all, c.unknownRelease(r, ref))
				}
			}
		}
	}
	return all
}

// mayHave tells whether a cluster has a HelmRelease, or one whose name is not known.
func (c *Cluster) mayHave(ref releaseRef) bool {
	if ref.namespace == "" || !Substituted(ref.namespace+ref.name) || c.Find(helmGroup, helmv2Kind, ref.namespace, ref.name) != nil {
		return true
	}
	for _, r := range c.Releases {
		if !Substituted(r.Key().String()) {
			return true
		}
	}
	return false
}

func (c *Cluster) unknownRelease(r *Release, ref releaseRef) Finding {
	f := r.Object.finding("spec", "dependsOn", "name="+ref.name)
	f.Why = fmt.Sprintf("It waits for HelmRelease %s/%s, which is not in cluster %s, so it is never installed.", ref.namespace, ref.name, c.Name)
	f.How = "Correct the name or remove the dependency."
	if unit := c.named(ref.name); unit != nil {
		f.How = fmt.Sprintf("A HelmRelease can wait for HelmReleases only: let unit %s depend on unit %s.", r.Unit.ID(), unit.ID())
	}
	for _, other := range c.Releases {
		if other.GetName() == ref.name {
			f.How = fmt.Sprintf("Give its namespace: there is a %s.", other.Object)
			break
		}
	}
	if unknown := c.unknown(); unknown != "" {
		f.Severity = Warning
		if c.Incomplete != "" { // a tree of several repositories may well have it
			f.Severity = Note
		}
		f.Why = fmt.Sprintf("It waits for HelmRelease %s/%s, which nothing brings that was looked into; %s.", ref.namespace, ref.name, unknown)
	}
	return f
}

// findSuspendedRelease finds dependencies on HelmReleases that Flux does not work on.
func findSuspendedRelease(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, r := range c.Releases {
			for _, ref := range r.dependsOn() {
				other := c.release(ref)
				if !r.works() || other == nil || ref.asked || other.shared() || other.skipped() {
					continue
				}
				f := r.Object.finding("spec", "dependsOn", "name="+ref.name)
				switch {
				case other.suspended():
					f.Why = fmt.Sprintf("It waits for %s, which is suspended, so in a new cluster it is never installed.", other.Object)
					f.How = "Remove the dependency, or suspend: true there."
				case other.Unit.Spec.Suspend:
					f.Why = fmt.Sprintf("It waits for %s of unit %s, which is suspended, so in a new cluster it is never installed.", other.Object, other.Unit.ID())
					f.How = "Remove the dependency, or suspend: true of that unit."
				default:
					continue
				}
				all = append(all, f)
			}
		}
	}
	return all
}
