package build_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/tazlab/seed/castle/internal/build"
)

const embeddingMain = `package main

import _ "embed"

//go:embed note.txt
var note string

func main() { print(note) }
`

func TestWhatCountsForTheCache(t *testing.T) {
	edit := func(name, content string) func(*testing.T, *build.Options) {
		return func(t *testing.T, o *build.Options) {
			t.Helper()
			write(t, o.Root, "part/"+name, content)
		}
	}
	tests := map[string]struct {
		change  func(*testing.T, *build.Options)
		rebuilt bool
	}{
		"source":        {edit("main.go", embeddingMain+"// changed\n"), true},
		"new source":    {edit("more.go", "package main\n"), true},
		"embedded file": {edit("note.txt", "changed"), true},
		"go.mod":        {edit("go.mod", tinyMod+"// changed\n"), true},
		"go.sum":        {edit("go.sum", "example.test/x v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"), true},
		"tags":          {func(_ *testing.T, o *build.Options) { o.Parts[0].Tags = "small" }, true},
		"link flags":    {func(_ *testing.T, o *build.Options) { o.Parts[0].LDFlags = "-X main.note=x" }, true},
		"compiler":      {func(_ *testing.T, o *build.Options) { o.Parts[0].GCFlags = "all=-l" }, true},
		"test":          {edit("main_test.go", "package main\n"), false},
		"other file":    {edit("README.md", "changed"), false},
		"other package": {edit("other/other.go", "package other\n"), false},
		"hint":          {func(_ *testing.T, o *build.Options) { o.Parts[0].Hint = 1 }, false},
		"relative root": {func(t *testing.T, o *build.Options) {
			t.Helper()
			t.Chdir(o.Root)
			o.Root = "."
		}, false},
		"other checkout": {func(t *testing.T, o *build.Options) {
			t.Helper()
			moved := filepath.Join(t.TempDir(), "moved")
			if err := os.Rename(o.Root, moved); err != nil {
				t.Fatal(err)
			}
			o.Root = moved
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opts, _ := checkout(t, embeddingMain)
			write(t, opts.Root, "part/note.txt", "a note")
			before := tiny(t, opts)
			test.change(t, &opts)
			if after := tiny(t, opts); (after != before) != test.rebuilt {
				t.Errorf("before %s, after %s, want another program: %t", before, after, test.rebuilt)
			}
		})
	}
}

func TestVersionComesFromGoMod(t *testing.T) {
	opts, _ := checkout(t, tinyMain)
	opts.Parts[0].VersionOf = "example.test/absent"
	_, err := build.All(t.Context(), opts)
	if err == nil || !strings.Contains(err.Error(), "example.test/absent") || !strings.Contains(err.Error(), "tiny") {
		t.Errorf("error %v, want the part and the module that go.mod lacks", err)
	}
}

// Each program of another module must be a tool in go.mod, or `go mod tidy` would drop what it needs.
func TestTableFitsTheModules(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range build.Parts() {
		if seen[p.Name] {
			t.Errorf("%s is in the table twice", p.Name)
		}
		seen[p.Name] = true
		file := filepath.Join("../../..", p.Module, "go.mod")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		mod, err := modfile.Parse(file, data, nil)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		isTool := slices.ContainsFunc(mod.Tool, func(tool *modfile.Tool) bool { return tool.Path == p.Package })
		if !isTool && !strings.HasPrefix(p.Package, ".") {
			t.Errorf("%s: %s is no tool in %s", p.Name, p.Package, file)
		}
	}
}
