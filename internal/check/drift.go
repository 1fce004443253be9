package check

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/bundle"
)

// deployed is the bundle that a cluster was given.
type deployed struct {
	cluster *Cluster
	bundle  *bundle.Bundle
}

// Deployed says with which bundle a cluster was born, for findDrift: the YAML that "seed render" printed, or the ConfigMap with
// it as kubectl prints it. It fails for a bundle that seed itself would refuse, and for one of another repository.
func (t *Tree) Deployed(data []byte) error {
	texts, err := bundle.Extract(data)
	if err != nil {
		return err
	}
	for _, text := range texts {
		b, err := bundle.Parse([]byte(text))
		if err != nil {
			return err
		}
		of := slices.DeleteFunc(slices.Clone(t.Clusters), func(c *Cluster) bool {
			return c.Root.Namespace != b.Root.Namespace || c.Root.Name != b.Root.Name || clean(b.Root.Spec.Path) != c.Name
		})
		if len(of) == 0 && len(t.Clusters) == 1 && !t.IsFolder(clean(b.Root.Spec.Path)) {
			of = t.Clusters // its folder has moved
		}
		if len(of) != 1 {
			return fmt.Errorf("the bundle is of Kustomization %s/%s with the path %s, and no cluster that was looked at is of that: name the cluster's folder", b.Root.Namespace, b.Root.Name, b.Root.Spec.Path)
		}
		t.deployed = append(t.deployed, deployed{of[0], b})
	}
	return nil
}

// findDrift finds objects that the deployed bundle holds otherwise than Git.
func findDrift(t *Tree) []Finding {
	var all []Finding
	for _, d := range t.deployed {
		objects := d.cluster.plain()
		said := d.bundle.Differences(objects)
		for _, name := range said {
			all = append(all, d.cluster.drifted(name, "The deployed bundle has it otherwise than Git")...)
		}
		text, err := bundle.Cut(objects, types.NamespacedName{Namespace: d.cluster.Root.Namespace, Name: d.cluster.Root.Name})
		if err != nil {
			continue
		}
		fresh, err := bundle.Parse(text)
		if err != nil {
			continue
		}
		for _, name := range fresh.Differences(d.bundle.Objects()) {
			if !slices.Contains(said, name) {
				all = append(all, d.cluster.drifted(name, "The deployed bundle does not have it, and seed starts from it now")...)
			}
		}
	}
	return all
}

// drifted is the finding about an object of a bundle, none if the tree does not know all of the object.
func (c *Cluster) drifted(name, what string) []Finding {
	f := Finding{File: c.Root.File, Line: c.Root.Line, Object: name, Unit: c.Root.ID()}
	objects := c.Applied()
	if at := slices.IndexFunc(objects, func(o *Object) bool { return o.String() == name }); at < 0 {
		what = "The deployed bundle has it, and Git no longer"
	} else if f = objects[at].finding(); hasVariable(objects[at].Object) {
		return nil
	}
	f.Why = what + ": seed begins with what it was given, at every birth, and goes on with Git only once it has read that."
	f.How = "Render it anew with \"seed render\", and give the cluster that."
	return []Finding{f}
}

// plain are the objects alone that Flux applies: seed knows no others.
func (c *Cluster) plain() []*unstructured.Unstructured { return plainOf(c.Applied()) }

// plainOf are objects without what is known of them.
func plainOf(objects []*Object) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, o := range objects {
		all = append(all, o.Unstructured)
	}
	return all
}
