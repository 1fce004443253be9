package benchfollow

import (
	"fmt"
	"os"
	"strings"

	"github.com/tazlab/seed/castle/internal/stock"
)

// realTree is the tree in dir whose sync objects are in the file sync.
func realTree(dir, sync string) (tree, error) {
	t := tree{name: real, title: "the castle's own tree"}
	data, err := os.ReadFile(sync)
	if err != nil {
		return t, err
	}
	for document := range strings.SplitSeq(string(data), "---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		switch o := object(document); o.GetKind() {
		case "GitRepository":
			t.source = o
		case "Kustomization":
			t.root = o
		}
	}
	if t.source == nil || t.root == nil {
		return t, fmt.Errorf("read the sync objects in %s: there must be a GitRepository and a Kustomization", sync)
	}
	names, err := stock.Units(dir)
	for _, name := range names {
		if name != t.root.GetName() {
			t.units = append(t.units, unit{name: name})
		}
	}
	return t, err
}
