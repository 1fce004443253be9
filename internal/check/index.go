package check

import (
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Index is a kustomization.yaml.
type Index struct {
	// File is its path, Dir its folder.
	File, Dir string
	Refs      []Ref
}

// Ref is a reference of an Index to a file or folder.
type Ref struct {
	// Field is where it stands: "resources".
	Field string
	// Text is as it is written, Path where it leads in the repository. Path is "" if it leads out of it.
	Text, Path string
	Line       int
}

// tree tells whether it may lead to a folder with an index of its own.
func (r Ref) tree() bool {
	return slices.Contains([]string{"resources", "bases", "components", "generators", "transformers", "validators"}, r.Field)
}

// folder tells whether it must lead to a folder.
func (r Ref) folder() bool { return r.Field == "bases" || r.Field == "components" }

func isIndex(name string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
}

// Index returns the index of a folder, nil if it has none.
func (t *Tree) Index(dir string) *Index {
	dir = path.Clean(dir)
	if index, known := t.indexes[dir]; known {
		return index
	}
	var index *Index
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if file := path.Join(dir, name); t.IsFile(file) {
			index = t.readIndex(dir, file)
			break
		}
	}
	t.indexes[dir] = index
	return index
}

// IsFile and IsFolder tell what is there, as source-controller would take it.
func (t *Tree) IsFile(name string) bool { _, there := t.files[name]; return there }

// IsFolder tells whether there is a folder of that name.
func (t *Tree) IsFolder(name string) bool { return t.folders[path.Clean(name)] }

func (t *Tree) readIndex(dir, file string) *Index {
	index := &Index{File: file, Dir: dir}
	f := t.File(file)
	if len(f.Docs) != 1 {
		return index
	}
	root := f.Docs[0].Node
	add := func(field string, node *yaml.Node) {
		if node == nil || node.Kind != yaml.ScalarNode || strings.Contains(node.Value, "\n") || node.Value == "" {
			return
		}
		index.Refs = append(index.Refs, Ref{Field: field, Text: node.Value, Path: within(dir, node.Value), Line: node.Line})
	}
	for _, field := range []string{"resources", "components", "bases", "crds", "configurations", "generators", "transformers", "validators", "patchesStrategicMerge"} {
		for _, node := range elements(root, field) {
			add(field, node)
		}
	}
	for _, field := range []string{"patches", "patchesJson6902", "replacements"} {
		for _, node := range elements(root, field) {
			_, value := child(node, "path")
			add(field, value)
		}
	}
	for _, field := range []string{"configMapGenerator", "secretGenerator"} {
		for _, node := range elements(root, field) {
			_, env := child(node, "env")
			add(field, env)
			for _, list := range []string{"files", "envs"} {
				for _, element := range elements(node, list) {
					add(field, withoutKey(element))
				}
			}
		}
	}
	if _, node := child(root, "openapi"); node != nil {
		_, value := child(node, "path")
		add("openapi", value)
	}
	return index
}

// withoutKey is the path of "key=path".
func withoutKey(node *yaml.Node) *yaml.Node {
	without := *node
	if _, file, found := strings.Cut(node.Value, "="); found {
		without.Value = file
	}
	return &without
}

// elements are those of a list in a map.
func elements(node *yaml.Node, field string) []*yaml.Node {
	if _, list := child(node, field); list != nil && list.Kind == yaml.SequenceNode {
		return list.Content
	}
	return nil
}

// remote matches what kustomize would fetch; internal/build refuses the same.
var remote = regexp.MustCompile(`(?i)^\s*(git::|[a-z][a-z0-9+.-]*://|github\.com[/:]|[a-z][a-z0-9-]*@[^/]*[/:])`)

// within is where a reference leads from dir, "" if that is not in the repository.
func within(dir, reference string) string {
	if filepath.IsAbs(reference) || remote.MatchString(reference) {
		return ""
	}
	to := path.Join(dir, reference)
	if to == ".." || strings.HasPrefix(to, "../") {
		return ""
	}
	return to
}

// Reached are the files that building dir reads: the indexes and all that they refer to. Do not change it.
func (t *Tree) Reached(dir string) map[string]bool {
	dir = path.Clean(dir)
	if reached, known := t.reached[dir]; known {
		return reached
	}
	reached := map[string]bool{}
	t.reach(dir, reached)
	t.reached[dir] = reached
	return reached
}

// ReadBy are the files that building a unit reads, spec.components included: none if it has another source. Do not change it.
func (t *Tree) ReadBy(unit *Unit) map[string]bool {
	if unit.read == nil {
		unit.read = t.readBy(unit)
	}
	return unit.read
}

func (t *Tree) readBy(unit *Unit) map[string]bool {
	read := map[string]bool{}
	if unit.Dir == "" || !t.IsFolder(unit.Dir) {
		return read
	}
	for _, dir := range append([]string{unit.Dir}, unit.components()...) {
		if t.IsFolder(dir) {
			maps.Copy(read, t.Reached(dir))
		}
	}
	return read
}

// components are the folders of spec.components in the repository.
func (u *Unit) components() []string {
	var dirs []string
	for _, component := range u.Spec.Components {
		if dir := within(u.Dir, component); dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func (t *Tree) reach(dir string, reached map[string]bool) {
	index := t.Index(dir)
	if index == nil { // Flux makes one up
		t.reachAll(dir, reached)
		return
	}
	if reached[index.File] {
		return
	}
	reached[index.File] = true
	for _, ref := range index.Refs {
		switch {
		case ref.Path == "":
		case t.IsFile(ref.Path):
			reached[ref.Path] = true
		case ref.tree() && t.Index(ref.Path) != nil:
			t.reach(ref.Path, reached)
		}
	}
}

// reachAll adds what Flux's generator finds in a folder without index.
func (t *Tree) reachAll(dir string, reached map[string]bool) {
	for file := range t.files {
		if !below(dir, file) || path.Ext(file) != ".yaml" && path.Ext(file) != ".yml" {
			continue
		}
		with := ""
		for at := path.Dir(file); at != dir && below(dir, at); at = path.Dir(at) {
			if t.Index(at) != nil {
				with = at
			}
		}
		if with != "" {
			t.reach(with, reached)
		} else {
			reached[file] = true
		}
	}
}

// below tells whether a path is in dir or deeper.
func below(dir, name string) bool {
	return dir == "." || strings.HasPrefix(name, dir+"/")
}
