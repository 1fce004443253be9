package life

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckDatabase(t *testing.T) {
	t.Parallel()
	for after, good := range map[string]bool{"": true, "0s": true, "30s": true, "never": true, "30": false, "-1s": false, "soon": false} {
		if err := checkDatabase(after); (err == nil) != good {
			t.Errorf("%q: %v", after, err)
		}
	}
}

// The checkout's own tree has what is set, and keeps all else.
func TestSetDatabase(t *testing.T) {
	t.Parallel()
	for after, want := range map[string][]string{
		"30s": {"  DATABASE_AFTER: 30s\n", "  DATABASE_TIMEOUT: 1m\n"}, Never: {"  DATABASE_AFTER: never\n", "  DATABASE_TIMEOUT: 30s\n"},
	} {
		c, err := New(Options{Root: "../../..", Database: after})
		if err != nil {
			t.Fatal(err)
		}
		dir, remove, err := c.tree()
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, Cluster, "cluster-vars.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(filepath.Join("../../..", Cluster, "cluster-vars.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range want {
			if !strings.Contains(string(content), line) {
				t.Errorf("--database %s: the tree lacks %q", after, line)
			}
		}
		if strings.Count(string(content), "\n") != strings.Count(string(before), "\n") {
			t.Errorf("--database %s: the file has other lines:\n%s", after, content)
		}
		remove()
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("the copy is left: %v", err)
		}
	}
	if err := SetDatabase(t.TempDir(), "0s"); err == nil {
		t.Error("a tree without the castle's cluster was taken")
	}
}

func TestDatabaseAloneIsMissing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"units": [{"name": "a", "ready": true}, {"name": "flux-system/infrastructure-instances"}]}`:              true,
		`{"units": [{"name": "flux-system/infrastructure-instances", "ready": true}]}`:                             false,
		`{"units": [{"name": "a"}, {"name": "flux-system/infrastructure-instances"}]}`:                             false,
		`{"units": [{"name": "helmrelease/a/b", "part": true}, {"name": "flux-system/infrastructure-instances"}]}`: true,
		`{"units": []}`: false, "": false,
	} {
		if got := databaseAloneIsMissing(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
