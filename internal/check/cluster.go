package check

import (
	"cmp"
	"fmt"
	"slices"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/build"
)

// loader builds one cluster.
type loader struct {
	tree    *Tree
	cluster *Cluster
	// pending are units that are known and not built.
	pending []*Unit
}

// build builds all that a root leads to.
func (t *Tree) build(s start) *Cluster {
	l := &loader{tree: t, cluster: &Cluster{Name: s.dir, found: map[id]*Object{}}}
	root := &Unit{Kustomization: s.root}
	if s.doc != nil {
		root.File, root.Line = s.doc.File, s.doc.Line
		if isUnit(s.doc) {
			root.doc = s.doc
		}
		if patched, err := t.patchedRoot(s); err == nil {
			root.Kustomization = patched
		} else {
			t.NotLooked = append(t.NotLooked, NotLooked{s.doc.File, "its patches of the root Kustomization: " + err.Error()})
		}
	}
	l.cluster.Root = root
	l.add(root)
	for len(l.pending) > 0 {
		l.build(l.next())
	}
	l.summary()
	return l.cluster
}

func (l *loader) add(unit *Unit) {
	l.cluster.Units = append(l.cluster.Units, unit)
	l.pending = append(l.pending, unit)
}

// next takes a unit whose variables are known as far as they can be: who brings a ConfigMap goes before who reads it.
func (l *loader) next() *Unit {
	at := max(0, slices.IndexFunc(l.pending, func(u *Unit) bool { return !l.variables(u).Open }))
	unit := l.pending[at]
	l.pending = slices.Delete(l.pending, at, at+1)
	return unit
}

// build builds a unit and notes the units in it.
func (l *loader) build(unit *Unit) {
	dir, why := l.source(unit)
	if why != "" {
		l.skip(unit, why)
		return
	}
	unit.Dir = unit.repository(clean(unit.Spec.Path))
	vars := l.variables(unit)
	unit.Open = vars.Open
	objects, err := build.Render(unit.Kustomization, dir, vars)
	if err != nil {
		unit.Failed = err
		l.skip(unit, "it cannot be built")
		return
	}
	for _, object := range objects {
		o := l.object(unit, object)
		unit.Objects = append(unit.Objects, o)
		if l.cluster.found[idOf(o)] == nil {
			l.cluster.found[idOf(o)] = o
		}
	}
	for _, object := range unit.Objects {
		for _, found := range build.Units([]*unstructured.Unstructured{object.Unstructured}) {
			l.found(unit, object, found)
		}
	}
}

// found notes a Kustomization that a unit brings.
func (l *loader) found(parent *Unit, object *Object, found build.Unit) {
	if root := l.cluster.Root; root.Namespace == found.Namespace && root.Name == found.Name {
		if root.From == nil {
			root.From, root.File, root.Line = object, object.File, object.Line
		}
		return
	}
	if l.cluster.Unit(found.Namespace, found.Name) == nil {
		l.add(&Unit{Kustomization: found.Kustomization, From: object, Parent: parent, File: object.File, Line: object.Line})
	}
}

func (l *loader) skip(unit *Unit, why string) {
	unit.NotLooked = why
	l.cluster.Incomplete = cmp.Or(l.cluster.Incomplete, fmt.Sprintf("unit %s was not looked into", unit.ID()))
	l.tree.NotLooked = append(l.tree.NotLooked, NotLooked{fmt.Sprintf("%s: unit %s", l.cluster.Name, unit.ID()), why})
}

// object finds out where a built object stands.
func (l *loader) object(unit *Unit, r build.Rendered) *Object {
	o := &Object{Unstructured: r.Unstructured, Unit: unit, File: unit.repository(r.File), Unset: r.Unset}
	switch {
	case !l.tree.IsFile(o.File):
		o.File, o.Line = unit.File, unit.Line
	case isIndex(o.File): // a generator's
		o.Line = 1
	default:
		o.doc, o.Line = l.tree.docOf(o.File, o.GetKind(), o.GetName()), 1
		if o.doc != nil {
			o.Line = o.doc.Line
		}
	}
	return o
}

// source returns the folder of a unit's source, or why there is none.
func (l *loader) source(unit *Unit) (dir, why string) {
	switch {
	case unit.Spec.KubeConfig != nil:
		return "", "it is applied to another cluster (spec.kubeConfig)"
	case sourceID(unit) == sourceID(l.cluster.Root) || l.sameSource(unit):
		return l.tree.dir, ""
	case unit.Spec.SourceRef.Kind == sourcev1.ExternalArtifactKind:
		return l.artifact(unit)
	}
	return "", "its source is " + sourceID(unit) + ", not this repository"
}

// sourceID is "Kind namespace/name" of a unit's source.
func sourceID(u *Unit) string {
	ref := u.Spec.SourceRef
	return fmt.Sprintf("%s %s/%s", ref.Kind, cmp.Or(ref.Namespace, u.Namespace), ref.Name)
}

// sameSource tells whether the source of a unit fetches the same as the root's under another name.
func (l *loader) sameSource(unit *Unit) bool {
	own, other := l.sourceOf(l.cluster.Root), l.sourceOf(unit)
	if own == nil || other == nil {
		return false
	}
	for _, field := range []string{"url", "ref", "ignore", "include", "sparseCheckout", "recurseSubmodules"} {
		a, _, _ := unstructured.NestedFieldNoCopy(own.Object, "spec", field)
		b, _, _ := unstructured.NestedFieldNoCopy(other.Object, "spec", field)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			return false
		}
	}
	return true
}

// sourceOf is the object that a unit's sourceRef names, nil if the tree does not have it.
func (l *loader) sourceOf(u *Unit) *Object {
	ref := u.Spec.SourceRef
	return l.cluster.Find(sourcev1.GroupVersion.Group, ref.Kind, cmp.Or(ref.Namespace, u.Namespace), ref.Name)
}

// summary says what else may make objects.
func (l *loader) summary() {
	sets := 0
	for _, object := range l.cluster.Objects() {
		switch gvk := object.GroupVersionKind(); {
		case gvk.Kind == helmv2Kind && gvk.Group == helmGroup:
			l.cluster.Releases = append(l.cluster.Releases, l.release(object))
		case gvk.Kind == "ResourceSet" && gvk.Group == instances:
			sets++
		}
	}
	if n := len(l.cluster.Releases); n > 0 {
		l.tree.NotLooked = append(l.tree.NotLooked, NotLooked{fmt.Sprintf("%s: the objects of %s", l.cluster.Name, many(n, "HelmRelease")), "charts are not rendered"})
	}
	if sets > 0 {
		l.cluster.Incomplete = cmp.Or(l.cluster.Incomplete, "ResourceSets bring objects that are not looked into")
		l.tree.NotLooked = append(l.tree.NotLooked, NotLooked{fmt.Sprintf("%s: the objects of %s", l.cluster.Name, many(sets, "ResourceSet")), "they are made in the cluster"})
	}
}

// plain are the objects alone.
func plain(rendered []build.Rendered) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, r := range rendered {
		all = append(all, r.Unstructured)
	}
	return all
}
