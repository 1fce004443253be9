package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

// copyTree copies a little repository to where no .git is above it.
func copyTree(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../internal/check/testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCheckExitCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		args []string
		want int
		out  string
	}{
		{"nothing", []string{copyTree(t, "SC206/good")}, 0, "0 errors, 0 warnings, 0 notes in 1 cluster"},
		{"an error", []string{copyTree(t, "SC206/bad")}, 1, "  8: error SC206: ConfigMap default/a (unit flux-system/a): The variable PORT has no value"},
		{"a warning", []string{copyTree(t, "SC104/bad")}, 0, "warning SC104"},
		{"a chart", []string{copyTree(t, "SC321/good-chart")}, 0, "clusters/home: 2 units, 1 chart, 8 objects"},
		{"a broken chart", []string{copyTree(t, "SC106/bad")}, 1, "error SC106: HelmRelease default/template (unit flux-system/apps): Helm cannot render the chart charts/template"},
		{"a warning, strictly", []string{"--strict", copyTree(t, "SC104/bad")}, 1, "warning SC104"},
		{"two", []string{copyTree(t, "SC206/good"), copyTree(t, "SC104/good")}, 0, "in 2 clusters"},
		{"one cluster", []string{filepath.Join(repositoryOf(t, "SC206/bad"), "clusters/home")}, 1, "clusters/home: 2 units"},
		{"no cluster", []string{t.TempDir()}, 2, "no cluster was found"},
		{"no folder", []string{filepath.Join(t.TempDir(), "x")}, 2, "no such file"},
		{"no format", []string{"--format", "xml", copyTree(t, "SC206/good")}, 2, "it is text, github or json"},
	} {
		stdout, stderr, code := seed(t, "", append([]string{"check"}, test.args...)...)
		if code != test.want || !strings.Contains(stdout+stderr, test.out) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", test.name, code, test.want, test.out, stdout, stderr)
		}
	}
}

// repositoryOf is copyTree with a .git, so that a folder of it can be named.
func repositoryOf(t *testing.T, name string) string {
	t.Helper()
	dir := copyTree(t, name)
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCheckFormats(t *testing.T) {
	t.Chdir(copyTree(t, "SC207/bad"))
	stdout, _, _ := seed(t, "", "check", "--format", "github")
	if want := "::error file=clusters/home/apps.yaml,line=11,title=SC207::unit flux-system/flux: seed plants it"; !strings.HasPrefix(stdout, want) {
		t.Errorf("%q does not begin with %q", stdout, want)
	}
	stdout, _, _ = seed(t, "", "check", "--format", "json")
	var result check.Result
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || len(result.Findings) != 1 || result.Findings[0].Code != "SC207" || result.Clusters[0].Name != "clusters/home" {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestCheckBundle(t *testing.T) {
	t.Parallel()
	drifted := copyTree(t, "SC501/bad")
	file := filepath.Join(drifted, "deployed.txt")
	deployed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, stdin string
		args        []string
		want        int
		out         string
	}{
		{"a file", "", []string{"--bundle", file, drifted}, 0, "warning SC501: GitRepository flux-system/flux-system"},
		{"standard input, strictly", string(deployed), []string{"--strict", "--bundle", "-", drifted}, 1, "warning SC501"},
		{"no bundle", "kind: ConfigMap", []string{"--bundle", "-", drifted}, 2, "there is no bundle in it"},
		{"no file", "", []string{"--bundle", file + "x", drifted}, 2, "reading the deployed bundle"},
		{"two clusters", "", []string{"--bundle", file, drifted, drifted}, 2, "give one PATH"},
		{"another cluster's", strings.ReplaceAll(string(deployed), "path: ./clusters/home", "path: ./web"), []string{"--bundle", "-", drifted}, 2, "no cluster that was looked at is of that"},
	} {
		stdout, stderr, code := seed(t, test.stdin, append([]string{"check"}, test.args...)...)
		if code != test.want || !strings.Contains(stdout+stderr, test.out) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", test.name, code, test.want, test.out, stdout, stderr)
		}
	}
}

func TestCheckGraph(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"text": "level 0, the fast track", "mermaid": "flowchart LR\n"} {
		if stdout, stderr, code := seed(t, "", "check", "--graph", how, copyTree(t, "SC311/good")); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("--graph %s: exit code %d\n%s%s", how, code, stdout, stderr)
		}
	}
	if _, stderr, code := seed(t, "", "check", "--graph", "dot", "."); code != 2 || !strings.Contains(stderr, "it is text or mermaid") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
