package life

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseCNI(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]network{
		"": {}, "now": {}, "tree": {tree: true}, "late=20s": {outside: true, after: 20 * time.Second}, "late=0s": {outside: true},
	} {
		got, err := parseCNI(spec)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", spec, got, err, want)
		}
		if held := strings.HasPrefix(spec, "late") || spec == "tree"; got.held() != held {
			t.Errorf("%q: the node starts without a network: %t", spec, got.held())
		}
	}
	for _, spec := range []string{"late", "late=", "late=20", "late=-1s", "later=1s", "trees", "20s", "never"} {
		if _, err := New(Options{Root: "../../..", CNI: spec}); err == nil || !strings.Contains(err.Error(), "--cni "+spec+": want now, tree, or late= and a time") {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

// With --cni tree the pushed tree names the component; the checkout is left as it is.
func TestSetCNI(t *testing.T) {
	t.Parallel()
	c, err := New(Options{Root: "../../..", CNI: CNITree, Database: "30s"})
	if err != nil {
		t.Fatal(err)
	}
	dir, remove, err := c.tree()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	for file, want := range map[string]string{"kustomization.yaml": "\n  - components/cni\n", "cluster-vars.yaml": "\n  DATABASE_AFTER: 30s\n"} {
		changed, err := os.ReadFile(filepath.Join(dir, Cluster, file))
		if err != nil || strings.Count(string(changed), want) != 1 {
			t.Errorf("%v: %s of the tree does not have %q once", err, file, want)
		}
		checkout, err := os.ReadFile(filepath.Join("../../..", Cluster, file))
		if err != nil || strings.Contains(string(checkout), want) {
			t.Errorf("%v: %s of the checkout has %q", err, file, want)
		}
	}
	if err := SetCNI(t.TempDir()); err == nil || !strings.Contains(err.Error(), "add the network to the tree") {
		t.Errorf("a tree without the castle's cluster: %v", err)
	}
}

// Where the network does not come late there is nothing to wait for; where it does, there must be a node.
func TestBringCNI(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{CNINow, CNITree} {
		c, err := New(Options{Root: "../../..", Dir: t.TempDir(), CNI: spec})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.BringCNI(context.Background()); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	c, err := New(Options{Root: "../../..", Dir: t.TempDir(), CNI: "late=0s"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.BringCNI(context.Background()); err == nil {
		t.Error("a network was brought to no node")
	}
}
