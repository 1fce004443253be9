package check

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// elsewhere tells whether a path that is not there may come from somewhere else: a Git submodule, another source that the
// root's source includes, or a file that its own ignore rules let in.
func (t *Tree) elsewhere(c *Cluster, name string) bool {
	for _, folder := range t.submodules() {
		if name == folder || below(folder, name) || below(name, folder) {
			return true
		}
	}
	l := loader{tree: t, cluster: c}
	source := l.sourceOf(c.Root)
	if source == nil {
		return false
	}
	if _, own, _ := unstructured.NestedString(source.Object, "spec", "ignore"); own && t.inCheckout(name) {
		return true
	}
	include, _, _ := unstructured.NestedSlice(source.Object, "spec", "include")
	return len(include) > 0
}

// inCheckout tells whether a path is there and only the ignore rules keep it from Flux.
func (t *Tree) inCheckout(name string) bool {
	_, err := os.Stat(filepath.Join(t.original, name))
	return err == nil
}

// submodules are the folders that Git fills from other repositories.
func (t *Tree) submodules() []string {
	file, err := os.Open(filepath.Join(t.original, ".gitmodules"))
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	var folders []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), "="); found && strings.TrimSpace(key) == "path" {
			folders = append(folders, strings.TrimSpace(value))
		}
	}
	return folders
}
