package fetch_test

import (
	"os"
	"path/filepath"
	"slices"
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
			from, to := t.TempDir(), t.TempDir()
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
			if err := fetch.Local(from, to); err != nil {
				t.Fatal(err)
			}
			if got := contents(t, to); !slices.Equal(got, test.want) {
				t.Errorf("copied %q, want %q", got, test.want)
			}
		})
	}
}
