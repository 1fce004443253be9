// Package repo_test keeps the rules of the repository itself.
package repo_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tazlab/seed/"

// order is the direction of imports: a package may import only those to its left.
var order = []string{
	"test/size", "test/benchcheck", "test/loopback", "test/apiserver",
	"internal/failure", "internal/secret", "internal/set", "internal/report", "internal/page", "internal/view", "test/births", "internal/cluster", "internal/live", "internal/notify",
	"internal/template", "internal/bundle", "internal/claim/infisical", "internal/claim", "internal/fetch", "internal/build", "internal/apply", "internal/follow", "internal/nudge", "internal/letgo", "internal/lease",
	"internal/manifests", "internal/talos", "internal/birth",
	"internal/wait/kinds", "internal/wait/target", "internal/wait/access", "internal/chart", "internal/check",
	"test/charts", "test/charts/render",
	"cmd/seed",
	"internal/wait/status", "internal/wait/diagnose", "internal/wait/probe",
	"internal/wait/kube", "internal/wait", "cmd/waitfor",
}

type pkg struct {
	ImportPath, Doc  string
	Imports, GoFiles []string
}

func packages(t *testing.T, folder string) []pkg {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Imports,GoFiles", "./...")
	command.Dir = folder
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 { // not a folder of tests only
			all = append(all, p)
		}
	}
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t, "../..") {
		at := slices.Index(order, strings.TrimPrefix(p.ImportPath, module))
		if at < 0 {
			t.Errorf("%s has no place in the order: put it into this test and into ARCHITECTURE.md", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if name, own := strings.CutPrefix(imported, module); own && slices.Index(order, name) >= at {
				t.Errorf("%s imports %s, which is to its right", p.ImportPath, imported)
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	t.Parallel()
	for _, p := range append(packages(t, "../.."), packages(t, "../../castle")...) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// Steps do not know each other; the flow in birth and the wiring in cmd put them together.
func TestStepsDoNotImportEachOther(t *testing.T) {
	t.Parallel()
	steps := []string{"internal/claim", "internal/fetch", "internal/build", "internal/apply", "internal/follow", "internal/nudge"}
	for _, p := range packages(t, "../..") {
		if !slices.Contains(steps, strings.TrimPrefix(p.ImportPath, module)) {
			continue
		}
		for _, imported := range p.Imports {
			if slices.Contains(steps, strings.TrimPrefix(imported, module)) {
				t.Errorf("the step %s imports the step %s", p.ImportPath, imported)
			}
		}
	}
}

// spelling is what seed check takes of waitfor, to read what a Pod waits for as waitfor will.
var spelling = []string{"internal/wait/kinds", "internal/wait/target", "internal/wait/access"}

// waitfor is an init container of a few megabytes: of seed it takes the type for secrets and nothing else.
func TestWaitforIsALeaf(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t, "../..") {
		name := strings.TrimPrefix(p.ImportPath, module)
		waitfor := name == "cmd/waitfor" || strings.HasPrefix(name, "internal/wait")
		for _, imported := range p.Imports {
			imported, own := strings.CutPrefix(imported, module)
			if name == "internal/check" && slices.Contains(spelling, imported) {
				continue
			}
			if own && imported != "internal/secret" && waitfor != strings.HasPrefix(imported, "internal/wait") {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
}

// The castle compiles Kubernetes; seed must not depend on it. The image has no room for Helm, nor for seed check.
func TestStaysOut(t *testing.T) {
	t.Parallel()
	for tags, banned := range map[string][]string{"": {"k8s.io/kubernetes/", module + "castle"}, "agent": {"helm.sh/helm", module + "internal/check"}} {
		command := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags="+tags, "./cmd/...")
		command.Dir = "../.."
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		for dependency := range strings.FieldsSeq(string(out)) {
			for _, prefix := range banned {
				if strings.HasPrefix(dependency, prefix) {
					t.Errorf("seed depends on %s (tags: %q)", dependency, tags)
				}
			}
		}
	}
}
