package check

import (
	"bytes"
	"cmp"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/build"
)

// instances is the group of flux-operator's objects.
const instances = "fluxcd.controlplane.io"

// start is a folder that a root Kustomization builds.
type start struct {
	dir string
	// root is the Kustomization, doc what it was found in: itself, or what makes flux-operator make it. Doc is nil if it is not
	// in Git.
	root *kustomizev1.Kustomization
	doc  *Doc
}

// rank is higher for what is surely a root than for a unit that builds the folder it stands in.
func (s start) rank() int {
	switch {
	case s.doc == nil, !isUnit(s.doc), bootstrapped(s.doc, s.dir):
		return 2
	}
	return likeRoot(s.doc)
}

// starts finds the clusters of the repository that are in the folder only.
func (t *Tree) starts(only string) []start {
	units, syncs := t.roots()
	found := t.allStarts(units, syncs)
	var all []start
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		if only == "." || below(only, dir) || dir == only {
			all = append(all, found[dir])
		}
	}
	slices.SortStableFunc(all, func(a, b start) int { return cmp.Compare(b.rank(), a.rank()) })
	if len(all) == 0 && only != "." && t.IsFolder(only) && len(units) > 0 {
		all = []start{{dir: only, root: t.given(only)}}
	}
	return all
}

// allStarts are those of the whole repository, by folder.
func (t *Tree) allStarts(units, syncs []*Doc) map[string]start {
	found := map[string]start{}
	for _, own := range t.ownFolders(units) {
		found[own.dir] = own
	}
	for _, doc := range syncs {
		root := syncOf(doc)
		dir := clean(root.Spec.Path)
		if _, there := found[dir]; !there && t.IsFolder(dir) {
			found[dir] = start{dir, root, doc}
		}
	}
	for file := range t.files {
		if dir := path.Dir(path.Dir(file)); path.Base(file) == "gotk-sync.yaml" && len(t.File(file).Docs) == 0 {
			found[dir] = start{dir: dir, root: rootOf(dir)} // flux bootstrap writes it later
		}
	}
	if top, there := found["."]; there && len(found) > 1 && !bootstrapped(top.doc, ".") {
		delete(found, ".") // what looks like its root builds the whole of another source
	}
	return found
}

// bootstrapped tells whether a document lies where flux bootstrap writes the root of a folder.
func bootstrapped(doc *Doc, dir string) bool {
	return doc != nil && path.Base(doc.File) == "gotk-sync.yaml" && path.Dir(path.Dir(doc.File)) == dir
}

// roots are all documents that may lead to a root: Flux Kustomizations, and what makes flux-operator make one.
func (t *Tree) roots() (units, syncs []*Doc) {
	for _, name := range t.yamlFiles() {
		if !t.mentions(name, kustomizev1.GroupVersion.Group, instances, "flux-instance", "instance:") {
			continue
		}
		for _, doc := range t.File(name).Docs {
			switch {
			case isUnit(doc):
				units = append(units, doc)
			case syncOf(doc) != nil:
				syncs = append(syncs, doc)
			}
		}
	}
	return units, syncs
}

// isUnit tells whether a document is a Flux Kustomization.
func isUnit(doc *Doc) bool {
	return doc.Kind == kustomizev1.KustomizationKind && doc.Group() == kustomizev1.GroupVersion.Group
}

// rootOf is the root that flux bootstrap makes for a folder.
func rootOf(dir string) *kustomizev1.Kustomization {
	root := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "flux-system"}}
	root.Spec = kustomizev1.KustomizationSpec{Path: dir, Prune: true}
	root.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "flux-system"}
	return root
}

// given is the root of a folder that was named as a cluster's. Its source is that of the first unit in it with a folder of
// this repository.
func (t *Tree) given(dir string) *kustomizev1.Kustomization {
	root := rootOf(dir)
	objects, err := build.Render(root, t.dir, build.Variables{Open: true}, nil)
	if err != nil {
		return root // to be told
	}
	for _, unit := range unitsIn(plain(objects)) {
		if clean(unit.Spec.Path) != "." && t.IsFolder(clean(unit.Spec.Path)) {
			root.Spec.SourceRef = unit.Spec.SourceRef
			root.Spec.SourceRef.Namespace = cmp.Or(unit.Spec.SourceRef.Namespace, unit.Namespace)
			break
		}
	}
	return root
}

// clean makes spec.path a path in the repository.
func clean(specPath string) string {
	if to := strings.TrimPrefix(path.Join("/", specPath), "/"); to != "" {
		return to
	}
	return "."
}

// mentions tells whether a file holds one of some words: most files need not be parsed.
func (t *Tree) mentions(name string, words ...string) bool {
	data, err := os.ReadFile(filepath.Join(t.dir, name))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(words, func(word string) bool { return bytes.Contains(data, []byte(word)) })
}

// ownFolders are those that hold, as built, the Kustomization that builds them.
func (t *Tree) ownFolders(units []*Doc) []start {
	var own []start
	for dir, doc := range t.candidates(units) {
		root, err := t.rootIn(dir)
		if err != nil && (dir != "." || bootstrapped(doc, dir)) && t.holdsSource(dir, doc) { // it cannot be built, which is to be told of a root
			root = decodeUnit(doc, dir)
		}
		if root != nil {
			own = append(own, start{dir: dir, root: root, doc: doc})
		}
	}
	return own
}

// candidates are the folders that may hold their own root, with the document that may be it.
func (t *Tree) candidates(units []*Doc) map[string]*Doc {
	candidates := map[string]*Doc{}
	var open []*Doc // whose spec.path the build fills in
	for _, doc := range units {
		switch dir := clean(doc.String("spec", "path")); {
		case !t.IsFolder(dir):
			open = append(open, doc)
		case below(dir, doc.File), t.Index(dir) != nil && t.Reached(dir)[doc.File]:
			if !bootstrapped(candidates[dir], dir) {
				candidates[dir] = doc
			}
		}
	}
	// As flux bootstrap names them a root and its source have the same name.
	slices.SortStableFunc(open, func(a, b *Doc) int { return cmp.Compare(likeRoot(b), likeRoot(a)) })
	for file := range t.files {
		dir := path.Dir(file)
		if len(open) == 0 || !isIndex(file) || candidates[dir] != nil || !t.isTop(dir) {
			continue
		}
		reached := t.Reached(dir)
		moved := func(doc *Doc) bool { return strings.HasSuffix(dir, "/"+clean(doc.String("spec", "path"))) } // as into an archive
		if at := slices.IndexFunc(open, func(doc *Doc) bool { return reached[doc.File] && !moved(doc) }); at >= 0 {
			candidates[dir] = open[at]
		}
	}
	return candidates
}

func likeRoot(doc *Doc) int {
	if doc.Name == doc.String("spec", "sourceRef", "name") {
		return 1
	}
	return 0
}

// holdsSource tells whether a folder holds the source of a unit, as that of a root does.
func (t *Tree) holdsSource(dir string, unit *Doc) bool {
	kind, name := unit.String("spec", "sourceRef", "kind"), unit.String("spec", "sourceRef", "name")
	for file := range t.Reached(dir) {
		if name != "" && slices.ContainsFunc(t.File(file).Docs, func(d *Doc) bool { return d.Kind == kind && d.Name == name }) {
			return true
		}
	}
	return false
}

// isTop tells whether no other index builds a folder, and it is no component: who refers to it may have to, to build it.
func (t *Tree) isTop(dir string) bool {
	for file := range t.files {
		if !isIndex(file) || path.Dir(file) == dir {
			continue
		}
		for _, ref := range t.Index(path.Dir(file)).Refs {
			if ref.tree() && ref.Path == dir {
				return false
			}
		}
	}
	docs := t.File(t.Index(dir).File).Docs
	return len(docs) == 0 || docs[0].Kind != "Component"
}

// rootIn returns the Kustomization in a built folder whose spec.path is the folder, nil if there is none.
func (t *Tree) rootIn(dir string) (*kustomizev1.Kustomization, error) {
	first := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: dir}, Spec: kustomizev1.KustomizationSpec{Path: dir}}
	objects, err := build.Render(first, t.dir, build.Variables{Open: true}, t.places(dir))
	if err != nil {
		return nil, err
	}
	for _, unit := range unitsIn(plain(objects)) {
		if unit.Mistyped() && unit.Spec.Path == "" {
			continue // not "the whole source": it may be what could not be read
		}
		if clean(unit.Spec.Path) == dir {
			t.rendered[dir] = objects
			return unit.Kustomization, nil
		}
	}
	return nil, nil
}

// decodeUnit is the Kustomization of a document, for a folder.
func decodeUnit(doc *Doc, dir string) *kustomizev1.Kustomization {
	root := rootOf(dir)
	root.Namespace, root.Name = cmp.Or(doc.Namespace, root.Namespace), cmp.Or(doc.Name, root.Name)
	root.Spec.SourceRef.Kind = cmp.Or(doc.String("spec", "sourceRef", "kind"), root.Spec.SourceRef.Kind)
	root.Spec.SourceRef.Name = cmp.Or(doc.String("spec", "sourceRef", "name"), root.Spec.SourceRef.Name)
	root.Spec.SourceRef.Namespace = doc.String("spec", "sourceRef", "namespace")
	return root
}
