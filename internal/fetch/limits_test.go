package fetch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

func TestGitLimits(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	many := map[string]string{}
	for i := range 10_001 {
		many[fmt.Sprintf("d%d/f%d", i/100, i)] = ""
	}
	zeros := strings.Repeat("\x00", 1<<20)
	parts := map[string]string{}
	for i := range 33 {
		parts[fmt.Sprintf("f%d", i)] = zeros
	}
	r.commit("refs/heads/many", many)
	r.commit("refs/heads/file", map[string]string{"d/large": strings.Repeat(zeros, 17), "d/small": "x"})
	r.commit("refs/heads/total", parts)
	huge := r.commit("refs/heads/huge", map[string]string{"large": strings.Repeat(zeros, 65), "d/small": "x"})
	url := serve(t, r.backend()) + "/tree.git"
	ignore := "*\n!d/\nlarge"
	for name, test := range map[string]struct {
		ref  sourcev1.GitRepositoryRef
		want string
	}{
		"files":  {sourcev1.GitRepositoryRef{Branch: "many"}, "there are more than 10000 files"},
		"file":   {sourcev1.GitRepositoryRef{Branch: "file"}, "the file d/large has more than 16 MiB"},
		"total":  {sourcev1.GitRepositoryRef{Branch: "total"}, "the files have more than 32 MiB together"},
		"bytes":  {sourcev1.GitRepositoryRef{Branch: "huge"}, "take more than 64 MiB"},
		"commit": {sourcev1.GitRepositoryRef{Branch: "huge", Commit: huge}, "spec.ref.commit fetches the whole history"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, gitSource(url, ref(test.ref)), nil, true, test.want, "spec.ignore", ".sourceignore", "spec.sparseCheckout")
		})
	}
	// The cures that the errors name.
	for name, change := range map[string]func(*sourcev1.GitRepositorySpec){
		"file, ignored": func(s *sourcev1.GitRepositorySpec) { s.Reference.Branch, s.Ignore = "file", &ignore },
		"bytes, sparse": func(s *sourcev1.GitRepositorySpec) { s.Reference.Branch, s.SparseCheckout = "huge", []string{"d"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, gitSource(url, change), nil); !slices.Equal(files, []string{"d/small=x"}) {
				t.Errorf("files %.200q", files)
			}
		})
	}
}
