package check

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	ssautil "github.com/fluxcd/pkg/ssa/utils"
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
	l := &loader{tree: t, cluster: &Cluster{Name: s.dir, start: s, found: map[id]*Object{}}}
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

// next takes the units of the root's own source whose variables are known: they do not need each other. If there is none it
// takes the first of the others, for what one of those brings the next may need.
func (l *loader) next() []*Unit {
	var ready, others []*Unit
	for _, unit := range l.pending {
		if sourceID(unit) == sourceID(l.cluster.Root) && !l.variables(unit).Open {
			ready = append(ready, unit)
		} else {
			others = append(others, unit)
		}
	}
	if len(ready) == 0 {
		at := max(0, slices.IndexFunc(others, func(u *Unit) bool { return !l.variables(u).Open }))
		ready, others = others[at:at+1:at+1], slices.Delete(slices.Clone(others), at, at+1)
	}
	l.pending = others
	return ready
}

// build builds units side by side, and notes the units in them.
func (l *loader) build(units []*Unit) {
	var building sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	rendered := make([][]build.Rendered, len(units))
	for i, unit := range units {
		dir, why := l.source(unit)
		if why != "" {
			unit.NotLooked = why
			continue
		}
		unit.Dir = unit.repository(clean(unit.Spec.Path))
		vars := l.hidden(unit, l.variables(unit))
		unit.Open = vars.Open
		if known := l.tree.rendered[unit.Dir]; unit == l.cluster.Root && known != nil && changesNothing(unit) {
			rendered[i] = known
			continue
		}
		var places build.Places
		if dir == l.tree.dir && unit.Spec.NamePrefix+unit.Spec.NameSuffix == "" && len(unit.Spec.Components) == 0 {
			places = l.tree.places(unit.Dir)
		}
		free <- struct{}{}
		building.Go(func() {
			rendered[i], unit.Failed = build.Render(unit.Kustomization, dir, vars, places)
			<-free
		})
	}
	building.Wait()
	for i, unit := range units {
		l.note(unit, rendered[i])
	}
}

// changesNothing tells whether a Kustomization applies its folder as kustomize builds it.
func changesNothing(unit *Unit) bool {
	s := unit.Spec
	return s.PostBuild == nil && s.CommonMetadata == nil && s.TargetNamespace+s.NamePrefix+s.NameSuffix == "" && len(s.Patches)+len(s.Images)+len(s.Components)+len(s.BuildMetadata) == 0
}

// note notes what a unit was built to.
func (l *loader) note(unit *Unit, rendered []build.Rendered) {
	switch {
	case errors.Is(unit.Failed, build.ErrRemote):
		unit.NotLooked = "it refers to something outside of this repository"
	case unit.Failed != nil:
		unit.NotLooked = "it cannot be built"
	}
	if unit.NotLooked != "" {
		l.skip(unit, unit.NotLooked)
		return
	}
	if common := unit.Spec.CommonMetadata; common != nil { // as Flux does before it applies them
		ssautil.SetCommonMetadata(plain(rendered), common.Labels, common.Annotations)
	}
	for _, object := range rendered {
		o := l.object(unit, object)
		unit.Objects = append(unit.Objects, o)
		if l.cluster.found[idOf(o)] == nil {
			l.cluster.found[idOf(o)] = o
		}
	}
	for _, object := range unit.Objects {
		for _, found := range unitsIn([]*unstructured.Unstructured{object.Unstructured}) {
			l.found(unit, object, found)
		}
	}
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
		o.doc, o.Line = l.tree.docOf(o.File, o.GetKind(), o.GetNamespace(), o.GetName()), 1
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
	return fetchSame(l.sourceOf(l.cluster.Root), l.sourceOf(unit))
}

// own tells whether a source is the root's, or fetches the same.
func (l *loader) own(kind, namespace, name string) bool {
	return fmt.Sprintf("%s %s/%s", kind, namespace, name) == sourceID(l.cluster.Root) ||
		fetchSame(l.sourceOf(l.cluster.Root), l.cluster.Find(sourcev1.GroupVersion.Group, kind, namespace, name))
}

func fetchSame(own, other *Object) bool {
	if own == nil || other == nil || own.GetKind() != other.GetKind() || own.text("spec", "url") == "" {
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
	if !l.tree.veiled { // what charts make is not asked for then
		l.fillIn()
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
