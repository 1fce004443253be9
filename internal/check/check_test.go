package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

// mark is the comment at the line of a finding.
var mark = regexp.MustCompile(`# (SC\d{3})`)

// Each code has trees that trigger it, at the marked lines and nowhere else, and trees that trigger nothing at all.
func TestCodes(t *testing.T) {
	t.Parallel()
	for _, code := range check.Codes {
		t.Run(code.Code, func(t *testing.T) {
			t.Parallel()
			bad, err := filepath.Glob(filepath.Join("testdata", code.Code, "bad*"))
			if err != nil || len(bad) == 0 {
				t.Fatalf("testdata/%s has no folder bad: %v", code.Code, err)
			}
			for _, dir := range bad {
				want := marks(t, dir)
				if len(want) == 0 || slices.ContainsFunc(want, func(place string) bool { return !strings.HasSuffix(place, code.Code) }) {
					t.Errorf("%s: the marks are %v, want some of %s", dir, want, code.Code)
				}
				compare(t, dir, find(t, dir), want)
			}
			good, err := filepath.Glob(filepath.Join("testdata", code.Code, "good*"))
			if err != nil || len(good) == 0 {
				t.Fatalf("testdata/%s has no folder good: %v", code.Code, err)
			}
			for _, dir := range good {
				compare(t, dir, find(t, dir), nil)
			}
		})
	}
}

// find returns the places and codes of what is found, and sees that it can be told.
func find(t *testing.T, dir string) []string {
	t.Helper()
	tree, err := check.Load(t.Context(), dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	var places []string
	for _, f := range check.Run(tree) {
		t.Logf("%s:%d: %s %s %s %s %s %s", f.File, f.Line, f.Severity, f.Code, f.Object, f.Unit, f.Why, f.How)
		places = append(places, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Code))
		for _, sentence := range []string{f.Why, f.How} {
			if !regexp.MustCompile(`^[^\n]+[.?)]$`).MatchString(sentence) {
				t.Errorf("%q is not a sentence of one line", sentence)
			}
		}
	}
	slices.Sort(places)
	return places
}

// marks are the places that the files of a tree announce.
func marks(t *testing.T, dir string) []string {
	t.Helper()
	var places []string
	err := filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		for i, line := range strings.Split(string(content), "\n") {
			for _, found := range mark.FindAllStringSubmatch(line, -1) {
				places = append(places, fmt.Sprintf("%s:%d %s", strings.TrimPrefix(file, dir+"/"), i+1, found[1]))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(places)
	return places
}

func compare(t *testing.T, dir string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: found\n  %s\nwant\n  %s", dir, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// Each code has its section in the document, with its title.
func TestDocument(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range check.Codes {
		if heading := "\n### " + code.Code + ": " + code.Title + "\n"; strings.Count(string(content), heading) != 1 {
			t.Errorf("docs/check.md does not have once the heading %q", heading)
		}
	}
	for _, found := range regexp.MustCompile(`(?m)^### (SC\d+)`).FindAllStringSubmatch(string(content), -1) {
		if !slices.ContainsFunc(check.Codes, func(c check.Code) bool { return c.Code == found[1] }) {
			t.Errorf("docs/check.md explains %s, which nothing finds", found[1])
		}
	}
}
