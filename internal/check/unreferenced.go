package check

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// findUnreferenced finds files with objects beside a kustomization.yaml of a unit that does not name them. A name in a comment,
// or in any file of the repository that is no document, counts as a reference.
func findUnreferenced(t *Tree) []Finding {
	used, indexes := t.used()
	var all []Finding
	for _, name := range t.yamlFiles() {
		unit := indexes[path.Dir(name)]
		if unit == nil || used[name] || isIndex(name) || !t.holdsObjects(name) || t.lost(path.Dir(name)) || t.named(name) {
			continue
		}
		doc := t.File(name).Docs[0]
		all = append(all, Finding{
			File: name, Line: doc.Line, Unit: unit.ID(),
			Why: fmt.Sprintf("It holds %s %s, and nothing refers to it: the unit is built from %s, which does not name it.", doc.Kind, doc.Name, t.Index(path.Dir(name)).File),
			How: "List it under resources there, or remove it.",
		})
	}
	return all
}

// used are the files that units are made of, and, for each folder with an index that could be built, a unit that is.
func (t *Tree) used() (used map[string]bool, indexes map[string]*Unit) {
	used, indexes = map[string]bool{}, map[string]*Unit{}
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			used[unit.File] = true
			for file := range t.ReadBy(unit) {
				used[file] = true
				if isIndex(file) && unit.Failed == nil && indexes[path.Dir(file)] == nil {
					indexes[path.Dir(file)] = unit
				}
			}
		}
	}
	return used, indexes
}

// holdsObjects tells whether a file has objects and nothing else.
func (t *Tree) holdsObjects(name string) bool {
	docs := t.File(name).Docs
	return len(docs) > 0 && !slices.ContainsFunc(docs, func(d *Doc) bool { return d.APIVersion == "" || d.Kind == "" || d.Name == "" })
}

// lost tells whether the index of a folder has a reference that leads nowhere: it may mean the file.
func (t *Tree) lost(dir string) bool {
	return slices.ContainsFunc(t.Index(dir).Refs, func(ref Ref) bool { return ref.Path != "" && !t.IsFile(ref.Path) && !t.IsFolder(ref.Path) })
}

// named tells whether a file is spoken of anywhere: by its name in a kustomization.yaml of its folder or above, by folder and name
// elsewhere.
func (t *Tree) named(name string) bool {
	base, longer := path.Base(name), path.Join(path.Base(path.Dir(name)), path.Base(name))
	for other := range t.files {
		word := longer
		switch {
		case other == name || path.Ext(other) == ".md":
			continue
		case isIndex(other) && (path.Dir(other) == path.Dir(name) || below(path.Dir(other), name)):
			word = base
		}
		if t.mentions(other, word) {
			return true
		}
	}
	return false
}

// spoken tells whether a file that no cluster is built from has a word in it: a script, or what another tool installs.
func (t *Tree) spoken(word string, built map[string]bool) bool {
	for name := range t.files {
		if built[name] || path.Ext(name) == ".md" || strings.Contains(name, "renovate") {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(t.dir, name)); err == nil && strings.Contains(string(data), word) {
			return true
		}
	}
	return false
}
