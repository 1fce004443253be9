package check

import (
	"cmp"
	"os"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/build"
)

// Tree is a repository with its clusters. It is only read once it is loaded.
type Tree struct {
	// Clusters are sorted by name.
	Clusters []*Cluster
	// NotLooked is what nothing is said about, and why.
	NotLooked []NotLooked

	// temporary holds dir and the artifacts that are made of it; it goes with Close.
	temporary string
	// dir holds the files as source-controller would take them.
	dir string
	// original is the folder that the files come from.
	original string
	files    map[string]*File
	folders  map[string]bool
	indexes  map[string]*Index
	// rendered are folders of roots, as they are without what a Flux Kustomization changes.
	rendered map[string][]build.Rendered
	// deployed are the bundles that clusters were given, as far as they are known.
	deployed []deployed
	// reached are the answers of Reached.
	reached map[string]map[string]bool
	// veiled says that clusters are built without what their Secrets hold.
	veiled bool
	// terraform is what readTerraform has read, nil before.
	terraform []byte
}

// NotLooked is something that was not looked into.
type NotLooked struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Cluster is all that one root Kustomization leads to.
type Cluster struct {
	// Name is the root's folder, relative to the repository.
	Name string
	Root *Unit
	// Units are all of them with the root, which is first; each comes after the one that brings it.
	Units []*Unit
	// Releases are the HelmReleases that units apply.
	Releases []*Release
	// Incomplete says why the cluster may have objects that are not in Units: something makes them that is not looked
	// into. It is "" where all is known.
	Incomplete string
	// found are the objects by what they are; of two the first, of a unit's and a chart's the unit's.
	found map[id]*Object
	// allPods and sources are what pods and brought have read, once all objects are there.
	allPods []*pod
	sources *brought
	// start is what it was built from.
	start start
}

// Unit is a Flux Kustomization.
type Unit struct {
	*kustomizev1.Kustomization
	// From is the object that it comes from, nil if it is a root that is made outside of Git, by flux-operator.
	From *Object
	// Parent is the unit that brings it, nil for the root.
	Parent *Unit
	// File and Line are where it stands.
	File string
	Line int
	// NotLooked says why its objects are not known: it has another source, or cannot be built. It is "" where they are.
	NotLooked string
	// Failed is the error of its build, if that is the reason.
	Failed error
	// Dir is the folder that it builds, relative to the repository, "" if it has another source.
	Dir string
	// Objects are what it applies.
	Objects []*Object
	// Open says that variables may have values that the tree does not bring: they are in Objects as they are in the files.
	Open bool
	// copied tells where the files of its source come from, if that is an artifact made of this repository.
	copied []copied
	// unread says that it could not be read: what it depends on is not known.
	unread bool
	// doc is the Kustomization in its file, for a root that could not be built.
	doc *Doc
	// read is the answer of ReadBy, replaces that of replacesSecrets once somebody has asked.
	read     map[string]bool
	replaces *bool
}

// ID is "namespace/name".
func (u *Unit) ID() string { return u.Namespace + "/" + u.Name }

// Object is an object that a unit applies, as Flux would apply it, or that a chart makes.
type Object struct {
	*unstructured.Unstructured
	Unit *Unit
	// Release is the one whose chart makes it, which Unit applies: nil for what Unit applies itself.
	Release *Release
	// Hook says that Helm makes it before or after the others of Release, Definition that it is of the chart's folder crds.
	Hook, Definition bool
	// File and Line are where it begins, in the repository: its own document, the kustomization.yaml that generates it, or the
	// unit where kustomize does not tell; for a chart's its kind in the template, or the release. Patches do not change that.
	File string
	Line int
	// Unset are the variables in it that have neither a value nor a default.
	Unset []string
	doc   *Doc
}

// String is "Kind namespace/name".
func (o *Object) String() string {
	name := o.GetName()
	if o.GetNamespace() != "" {
		name = o.GetNamespace() + "/" + name
	}
	return o.GetKind() + " " + name
}

// Key is the object's namespace and name.
func (o *Object) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// LineOf is the line of a field in the object's file, or the object's own where the file does not have it: a patch may bring it.
// An element of a list is named by its index ("0"), by itself if it is a text, or by a field of it ("name=db",
// "secretRef.name=db").
func (o *Object) LineOf(path ...string) int {
	if o.doc == nil {
		return o.Line
	}
	if node := at(o.doc.Node, path); node != nil {
		return node.Line
	}
	return o.Line
}

// LineOf is as Object.LineOf, for the Kustomization itself.
func (u *Unit) LineOf(path ...string) int {
	switch {
	case u.From != nil:
		return u.From.LineOf(path...)
	case u.doc != nil:
		return (&Object{doc: u.doc, Line: u.Line}).LineOf(path...)
	}
	return u.Line
}

// finding begins a finding about the unit.
func (u *Unit) finding(path ...string) Finding {
	return Finding{File: u.File, Line: u.LineOf(path...), Unit: u.ID()}
}

// finding begins a finding about the object.
func (o *Object) finding(path ...string) Finding {
	f := Finding{File: o.File, Line: o.LineOf(path...), Object: o.String(), Unit: o.Unit.ID()}
	if o.Release != nil {
		f.Release = o.Release.Key().String()
	}
	return f
}

// Applied are the objects that Flux applies: those of all units.
func (c *Cluster) Applied() []*Object {
	var all []*Object
	for _, unit := range c.Units {
		all = append(all, unit.Objects...)
	}
	return all
}

// Objects are all that are known: those of all units, and what charts make.
func (c *Cluster) Objects() []*Object {
	all := c.Applied()
	for _, r := range c.Releases {
		all = append(all, r.Objects...)
	}
	return all
}

// Find returns the object of a group and kind, in any version, or nil.
func (c *Cluster) Find(group, kind, namespace, name string) *Object {
	return c.found[id{group, kind, namespace, name}]
}

// id is an object in any version.
type id struct{ group, kind, namespace, name string }

// idOf is what an object is found by.
func idOf(o *Object) id {
	gvk := o.GroupVersionKind()
	return id{gvk.Group, gvk.Kind, o.GetNamespace(), o.GetName()}
}

// Unit returns the unit of that namespace and name, or nil.
func (c *Cluster) Unit(namespace, name string) *Unit {
	for _, unit := range c.Units {
		if unit.Namespace == namespace && unit.Name == name {
			return unit
		}
	}
	return nil
}

// DependsOn are the units that u waits for. What is not in the cluster is left out.
func (c *Cluster) DependsOn(u *Unit) []*Unit {
	var all []*Unit
	for _, ref := range u.Spec.DependsOn {
		namespace := ref.Namespace
		if namespace == "" {
			namespace = u.Namespace
		}
		if other := c.Unit(namespace, ref.Name); other != nil {
			all = append(all, other)
		}
	}
	return all
}

// waitsFor are the units that have to be Ready before u is applied. Where a dependency has readyExpr Flux asks that, and not whether it
// is Ready (https://fluxcd.io/flux/components/kustomize/kustomizations/#dependency-ready-expression).
func (c *Cluster) waitsFor(u *Unit) []*Unit {
	var all []*Unit
	for _, ref := range u.Spec.DependsOn {
		if other := c.Unit(cmp.Or(ref.Namespace, u.Namespace), ref.Name); other != nil && ref.ReadyExpr == "" {
			all = append(all, other)
		}
	}
	return all
}

// Close removes the copy of the files.
func (t *Tree) Close() error { return os.RemoveAll(t.temporary) }
