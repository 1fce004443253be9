//go:build !agent

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

// GitHub looks for a file from the folder of the checkouts, or in the repository, wherever the step works.
func TestCheckAnnotatesFromAnyFolder(t *testing.T) {
	dir := repositoryOf(t, "SC207/bad")
	t.Chdir(filepath.Join(dir, "clusters"))
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for workspace, want := range map[string]string{
		"": "clusters/home/apps.yaml", dir: "clusters/home/apps.yaml", filepath.Dir(dir): filepath.Base(dir) + "/clusters/home/apps.yaml",
		filepath.Join(dir, "clusters"): "clusters/home/apps.yaml", t.TempDir(): "clusters/home/apps.yaml", filepath.Join(dir, "none"): "clusters/home/apps.yaml",
	} {
		for _, path := range []string{".", "home", dir, filepath.Join(link, "clusters")} {
			stdout, stderr, _ := seedWith(t, []string{"GITHUB_WORKSPACE=" + workspace}, "", "check", "--format", "github", path)
			if begin := "::error file=" + want + ",line=11,"; !strings.HasPrefix(stdout, begin) {
				t.Errorf("GITHUB_WORKSPACE=%s, path %s: %q does not begin with %q\n%s", workspace, path, stdout, begin, stderr)
			}
		}
	}
	if stdout, _, _ := seed(t, "", "check"); !strings.HasPrefix(stdout, "../clusters/home/apps.yaml\n") {
		t.Errorf("the text does not lead to the file from here: %s", stdout)
	}
}

// What clusters that are named one by one have in common is told once, each file at one place.
func TestCheckTellsOnceWhatClustersShare(t *testing.T) {
	t.Parallel()
	dir := repositoryOf(t, "SC301/bad")
	home, away := filepath.Join(dir, "clusters/home"), filepath.Join(dir, "clusters/away")
	if err := os.CopyFS(away, os.DirFS(home)); err != nil {
		t.Fatal(err)
	}
	sync, err := os.ReadFile(filepath.Join(home, "sync.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sync = []byte(strings.ReplaceAll(string(sync), "clusters/home", "clusters/away"))
	if err := os.WriteFile(filepath.Join(away, "sync.yaml"), sync, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "unit.yaml.j2"), []byte("apiVersion: kustomize.toolkit.fluxcd.io/v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	one, _, _ := seed(t, "", "check", home)
	two, _, code := seed(t, "", "check", home, away)
	if want := strings.Count(one, "SC301"); want == 0 || code != 1 || strings.Count(two, "SC301") != want || !strings.Contains(two, "in 2 clusters") {
		t.Errorf("exit code %d, want SC301 %d times:\n%s", code, want, two)
	}
	if strings.Count(two, "web/web.yaml\n") != 1 || strings.Count(two, "templates of Flux Kustomizations") != 1 {
		t.Errorf("the file, or what was not looked into, is not told once:\n%s", two)
	}
}

// What a Secret of the tree fills in is nowhere in what is told of a unit that cannot be built with it.
func TestNoSecretInWhatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	own, parent := copyTree(t, "SC105/bad-secret"), copyTree(t, "SC105/bad-parent")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"check", own}, "SC105: unit flux-system/web: Flux cannot build it: building Kustomization flux-system/web, path \"./web\": Secret web: spec.postBuild: with the values of its variables it cannot be read any more"},
		{[]string{"check", "--format", "github", own}, "cannot be read any more"},
		{[]string{"check", "--format", "json", own}, "cannot be read any more"},
		{[]string{"check", parent}, "SC105: unit flux-system/child: Flux cannot build it; the reason may have what is secret in it."},
		{[]string{"render", "manifests", "--tree", own, "--cluster", "clusters/home", "--identity-file", "-", "--image", "i"}, "unit flux-system/web was left out: building Kustomization flux-system/web, path \"./web\": spec.postBuild in Secret web: with the values"},
	} {
		stdout, stderr, code := seed(t, identity, test.args...)
		if all := stdout + stderr; code != 1 || !strings.Contains(all, test.want) || strings.Contains(all, "hunter2") {
			t.Errorf("%q: exit code %d, want %q:\n%s", test.args, code, test.want, all)
		}
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
