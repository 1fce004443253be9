package check

import (
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/tazlab/seed/internal/build"
)

// renames are the fields of an index that may give objects other names, or bring some from elsewhere.
var renames = []string{"namePrefix", "nameSuffix", "generators", "transformers", "helmCharts", "helmChartInflationGenerator"}

// hashed matches the name of a generated ConfigMap or Secret, with the characters that kustomize takes for its hashes.
var hashed = regexp.MustCompile(`^(.+)-[bcdfghkmt2456789]{10}$`)

// places finds objects among the files that a folder is built from, by kind and name. It knows only those that can stand in no
// other place; patches have kinds and names too.
func (t *Tree) places(dir string) build.Places {
	files := byName{}
	add := func(kind, name, file string) {
		if _, twice := files[kind+" "+name]; twice {
			file = ""
		}
		files[kind+" "+name] = file
	}
	for file := range t.Reached(dir) {
		for _, doc := range t.File(file).Docs {
			if !isIndex(file) {
				add(doc.Kind, doc.Name, file)
				continue
			}
			if doc.renames() {
				return nil
			}
			for field, kind := range map[string]string{"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"} {
				for _, name := range namesIn(doc, field) {
					add(kind, name, file)
				}
			}
		}
	}
	return func(kind, name string) string { return files.find(kind, name) }
}

// renames tells whether an index may give objects other names.
func (d *Doc) renames() bool {
	return slices.ContainsFunc(renames, func(field string) bool { _, set := child(d.Node, field); return set != nil })
}

// namesIn are the names of the generators in a field of an index.
func namesIn(index *Doc, field string) []string {
	var names []string
	for _, generator := range elements(index.Node, field) {
		if _, name := child(generator, "name"); name != nil && name.Kind == yaml.ScalarNode {
			names = append(names, name.Value)
		}
	}
	return names
}

// byName holds the files of objects by kind and name, "" for one that may stand in several.
type byName map[string]string

func (b byName) find(kind, name string) string {
	if file, known := b[kind+" "+name]; known {
		return file
	}
	if stem := hashed.FindStringSubmatch(name); stem != nil && (kind == "ConfigMap" || kind == "Secret") {
		if file := b[kind+" "+stem[1]]; file != "" && isIndex(file) {
			return file
		}
	}
	return ""
}
