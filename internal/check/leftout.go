package check

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// findLeftOut finds folders with a kustomization.yaml that lie beside others which the one above them lists, and that nothing names.
// It is a note: such a folder may be parked there.
func findLeftOut(t *Tree) []Finding {
	left := t.leftOut()
	if len(left) == 0 || t.pathsOpen() {
		return nil
	}
	units, _ := t.roots()
	left = slices.DeleteFunc(left, func(dir string) bool {
		return t.refersInto(dir) || slices.ContainsFunc(units, func(d *Doc) bool { return d.buildsFrom(dir) })
	})
	named, err := t.namedInCheckout(left)
	if err != nil { // then it is not known what the files say
		return nil
	}
	_, indexes := t.used()
	var all []Finding
	for _, dir := range left {
		if named[dir] {
			continue
		}
		above := t.Index(path.Dir(dir))
		all = append(all, Finding{
			Severity: Note, File: t.Index(dir).File, Unit: indexes[above.Dir].ID(),
			Why: fmt.Sprintf("The unit is built from %s, which lists other folders beside it, and nothing in this repository refers to the folder %s: no cluster here gets what is in it.", above.File, dir),
			How: fmt.Sprintf("List %s there, or remove the folder; a line that is commented out says that it is parked.", path.Base(dir)),
		})
	}
	return all
}

// leftOut are the folders of which no unit is built, beside others that the index of a unit lists.
func (t *Tree) leftOut() []string {
	used, indexes := t.used()
	inUse := map[string]bool{}
	for file := range used {
		for dir := path.Dir(file); !inUse[dir]; dir = path.Dir(dir) {
			inUse[dir] = true
		}
	}
	var all []string
	for _, dir := range slices.Sorted(maps.Keys(t.folders)) {
		above := path.Dir(dir)
		if inUse[dir] || indexes[above] == nil || strings.HasPrefix(path.Base(dir), "_") || strings.HasPrefix(path.Base(dir), ".") {
			continue
		}
		if index := t.Index(dir); index != nil && len(index.Refs) > 0 && !t.isComponent(index) && !t.lost(above) && t.listsFolders(above) {
			all = append(all, dir)
		}
	}
	return all
}

// isComponent tells whether an index is one for others to take in.
func (t *Tree) isComponent(index *Index) bool {
	return slices.ContainsFunc(t.File(index.File).Docs, func(d *Doc) bool { return d.Kind == "Component" })
}

// listsFolders tells whether the index of a folder lists folders in it, with indexes of their own.
func (t *Tree) listsFolders(dir string) bool {
	return slices.ContainsFunc(t.Index(dir).Refs, func(ref Ref) bool {
		return (ref.Field == "resources" || ref.Field == "bases") && path.Dir(ref.Path) == dir && t.Index(ref.Path) != nil
	})
}

// pathsOpen tells whether something may build folders whose names are in no file: a template, a generator of objects, a unit whose
// path is not known, or an artifact that is not looked into.
func (t *Tree) pathsOpen() bool {
	if len(t.templates()) > 0 {
		return true
	}
	for name := range t.files {
		if t.mentions(name, "kind: ResourceSet", "kind: ApplicationSet") {
			return true
		}
	}
	for _, c := range t.Clusters {
		if slices.ContainsFunc(c.Units, func(u *Unit) bool {
			return !Substituted(u.Spec.Path) || u.NotLooked != "" && u.Spec.SourceRef.Kind == "ExternalArtifact"
		}) {
			return true
		}
	}
	return false
}

// refersInto tells whether an index elsewhere, whoever builds it, refers to a folder or into it.
func (t *Tree) refersInto(dir string) bool {
	for name := range t.files {
		if !isIndex(name) || below(dir, name) {
			continue
		}
		if slices.ContainsFunc(t.Index(path.Dir(name)).Refs, func(ref Ref) bool { return ref.Path == dir || below(dir, ref.Path) }) {
			return true
		}
	}
	return false
}

// buildsFrom tells whether a Flux Kustomization, of whatever source, may build a folder or something in it: the root of its source may
// be a folder of this repository.
func (d *Doc) buildsFrom(dir string) bool {
	at := clean(d.String("spec", "path"))
	of := []string{at}
	if _, spec := child(d.Node, "spec"); spec != nil {
		for _, component := range elements(spec, "components") {
			of = append(of, path.Join(at, component.Value))
		}
	}
	return slices.ContainsFunc(of, func(name string) bool { return name == dir || below(dir, name) || strings.HasSuffix(dir, "/"+name) })
}

// appliesAny matches a line of a script that applies folders by a pattern or a variable.
var appliesAny = regexp.MustCompile(`apply\b.*(-k|--kustomize)[ =]*["']?[^\s"']*[$*]|kustomize\b.*\bbuild\b.*\|.*\bapply\b`)

// largest is how many bytes of a file of the checkout are looked at.
const largest = 1 << 20

// namedInCheckout tells which folders a file of the checkout names: with the folder above, by a pattern, or in an index above by their
// names alone. What source-controller leaves out counts too: a workflow may apply a folder.
func (t *Tree) namedInCheckout(dirs []string) (map[string]bool, error) {
	named := map[string]bool{}
	if len(dirs) == 0 {
		return named, nil
	}
	root, err := os.OpenRoot(t.original)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return named, fs.WalkDir(root.FS(), ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case !entry.Type().IsRegular() || path.Ext(file) == ".md":
			return nil
		}
		info, err := entry.Info()
		if err != nil || info.Size() > largest {
			return err
		}
		data, err := root.ReadFile(file)
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			named[dir] = named[dir] || !below(dir, file) && speaksOf(file, string(data), dir)
		}
		return nil
	})
}

// speaksOf tells whether a text names a folder.
func speaksOf(file, text, dir string) bool {
	above := path.Dir(dir)
	if isIndex(file) && (path.Dir(file) == above || below(path.Dir(file), above)) {
		return hasWord(text, path.Base(dir))
	}
	parts := path.Base(above) + "/"
	if above == "." {
		parts = ""
	}
	pattern := regexp.MustCompile(`(^|[^\w.-])` + regexp.QuoteMeta(parts) + `[*$<{\[(%]`)
	return hasWord(text, parts+path.Base(dir)) || parts != "" && pattern.MatchString(text) || !isIndex(file) && appliesAny.MatchString(text)
}

// hasWord tells whether a text has a word that is not part of a longer name.
func hasWord(text, word string) bool {
	return regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(word) + `($|[^\w-])`).MatchString(text)
}
