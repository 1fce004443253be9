package fetch_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/fetch"
)

// Local keeps what source-controller would keep of the same tree. The first rules are those of this
// repository's own .sourceignore: exclude all, include folders again.
func TestLocalHonoursSourceignore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"own rules": {
			map[string]string{
				".sourceignore": "/*\n!/clusters/\n", "clusters/home/a.yaml": "a", "clusters/home/picture.png": "p", "clusters/.sourceignore": "*.md\n",
				"clusters/README.md": "r", "internal/secret.go": "s", ".git/config": "never", "clusters/home/deep/er/b.yaml": "b",
			},
			[]string{"clusters/.sourceignore=*.md\n", "clusters/home/a.yaml=a", "clusters/home/deep/er/b.yaml=b", "clusters/home/picture.png=p"},
		},
		"default rules": {
			map[string]string{"a.yaml": "a", "picture.png": "p", ".github/workflow.yaml": "w", ".git/config": "never"},
			[]string{"a.yaml=a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := t.TempDir()
			for file, content := range test.files {
				path := filepath.Join(from, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("/etc/passwd", filepath.Join(from, "link.yaml")); err != nil {
				t.Fatal(err)
			}
			to, err := fetch.Local(from, "test-local-")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = os.RemoveAll(to) }()
			if got := contents(t, filepath.Join(to, fetch.Tree)); !slices.Equal(got, test.want) {
				t.Errorf("copied %q, want %q", got, test.want)
			}
		})
	}
}

// A tree lies in memory, one that is too large for that on the disk, as one does where TMPDIR says where.
func TestLocalIsInMemory(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("this system has no /dev/shm, so all trees lie on the disk:", err)
	}
	large := t.TempDir()
	for name, size := range map[string]int64{"a": 20 << 20, "b": 13 << 20} { // above what seed run takes
		if err := os.WriteFile(filepath.Join(large, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(large, name), size); err != nil {
			t.Fatal(err)
		}
	}
	chosen := t.TempDir()
	for name, test := range map[string]struct{ tree, temporary, want string }{
		"small":  {t.TempDir(), "", "/dev/shm"},
		"large":  {large, "", "/tmp"},
		"chosen": {t.TempDir(), chosen, chosen},
	} {
		t.Setenv("TMPDIR", test.temporary)
		folder, err := fetch.Local(test.tree, "test-local-")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
		if filepath.Dir(folder) != test.want {
			t.Errorf("%s: it is in %s, want %s", name, folder, test.want)
		}
	}
	if left, err := filepath.Glob("/dev/shm/test-local-*/tree/b"); len(left) > 0 || err != nil {
		t.Errorf("what was too large is still there: %v, %v", left, err)
	}
	if _, err := fetch.Local(filepath.Join(large, "missing"), "test-local-"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a tree that is not there: %v", err)
	}
}
