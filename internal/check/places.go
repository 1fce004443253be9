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
	files := map[string]string{}
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
			if slices.ContainsFunc(renames, func(field string) bool { _, set := child(doc.Node, field); return set != nil }) {
				return nil
			}
			for field, kind := range map[string]string{"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"} {
				for _, generator := range elements(doc.Node, field) {
					if _, name := child(generator, "name"); name != nil && name.Kind == yaml.ScalarNode {
						add(kind, name.Value, file)
					}
				}
			}
		}
	}
	return func(kind, name string) string {
		if file, known := files[kind+" "+name]; known {
			return file
		}
		if stem := hashed.FindStringSubmatch(name); stem != nil && (kind == "ConfigMap" || kind == "Secret") {
			if file := files[kind+" "+stem[1]]; file != "" && isIndex(file) {
				return file
			}
		}
		return ""
	}
}
