//go:build root

package e2e_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unit is how the document of a Flux Kustomization begins.
func unit(name string) string { return "kind: Kustomization\nmetadata:\n  name: " + name + "\n" }

// without is the file with the tree's units of the infrastructure, but for some.
func without(t *testing.T, tree string, units ...string) map[string][]byte {
	t.Helper()
	file := holds(t, tree, unit("infrastructure-configs"))
	var kept []string
	documents := strings.Split(read(t, filepath.Join(tree, file)), "\n---\n")
	for _, document := range documents {
		drop := false
		for _, name := range units {
			drop = drop || strings.Contains(document, unit(name))
		}
		if !drop {
			kept = append(kept, document)
		}
	}
	if len(kept) != len(documents)-len(units) {
		t.Fatalf("%d of %d documents are left without %v", len(kept), len(documents), units)
	}
	return map[string][]byte{file: []byte(strings.Join(kept, "\n---\n"))}
}

// holds is the one file of the clusters' folders that has a text, as seen from the tree's top.
func holds(t *testing.T, tree, text string) string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(tree), "clusters", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && strings.Contains(read(t, filepath.Join(tree, path)), text) {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, the files with %q are %v; want one", err, text, found)
	}
	return found[0]
}

// setVariable gives the castle's cluster-vars a value, in place of an older one.
func setVariable(t *testing.T, tree, name, value string) {
	t.Helper()
	file := filepath.Join(tree, "clusters/castle/cluster-vars.yaml")
	content := regexp.MustCompile(`(?m)^  `+name+`:.*\n`).ReplaceAllString(read(t, file), "")
	write(t, file, content)
	replace(t, file, "\ndata:\n", "\ndata:\n  "+name+": "+value+"\n")
}
