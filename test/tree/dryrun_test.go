//go:build apiserver

package tree_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/test/apiserver"
)

// definitions are where each module of test/crds has its custom resource definitions.
var definitions = map[string]string{
	"github.com/cert-manager/cert-manager":         "deploy/crds",
	"go.universe.tf/metallb":                       "config/crd/bases",
	"github.com/external-secrets/external-secrets": "config/crds/bases",
}

// unproven are the groups whose definitions no Go module ships; docs/tree.md says so.
var unproven = []string{"postgres-operator.crunchydata.com"}

// folders downloads the modules of test/crds/go.sum, against its sums, and returns the folders of their definitions.
func folders(t *testing.T) []string {
	t.Helper()
	arguments := []string{"mod", "download", "-json"}
	for line := range strings.Lines(read(t, "test/crds/go.sum")) {
		if words := strings.Fields(line); !strings.HasSuffix(words[1], "/go.mod") {
			arguments = append(arguments, words[0]+"@"+words[1])
		}
	}
	command := exec.CommandContext(t.Context(), "go", arguments...)
	command.Dir, command.Stderr = filepath.Join(root, "test/crds"), t.Output()
	command.Env = append(os.Environ(), "GOWORK=off")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %v: %v", arguments, err)
	}
	var all []string
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var module struct{ Path, Dir string }
		err := decoder.Decode(&module)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, filepath.Join(module.Dir, definitions[module.Path]))
	}
	if len(all) != len(definitions) {
		t.Fatalf("%d modules, want %d", len(all), len(definitions))
	}
	return append(all, os.Getenv("FLUX_MANIFESTS"))
}

// Each object of the tree, as Flux would apply it, is one that the API server takes with the real definitions.
func TestTheAPIServerTakesEachObject(t *testing.T) {
	if os.Getenv("FLUX_MANIFESTS") == "" {
		t.Fatal("FLUX_MANIFESTS is not set: run this with \"make test-tree\"")
	}
	config := apiserver.Start(t, &envtest.Environment{CRDInstallOptions: envtest.CRDInstallOptions{Paths: folders(t), ErrorIfPathMissing: true}})
	live, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for _, c := range []cluster{load(t, root, "tazlab"), load(t, root, "castle"), load(t, withNetwork(t), "castle")} {
		name := c.name
		namespaces(t, live, c)
		for _, object := range c.tree.All() {
			group := object.GroupVersionKind().Group
			if slices.Contains(unproven, group) {
				continue
			}
			groups[group]++
			if err := apply(t, live, object); err != nil {
				t.Errorf("%s: %s %s: %v", name, object.GetKind(), object.GetName(), err)
			}
			// The server looks: what it does not know it refuses.
			wrong := object.DeepCopy()
			if err := unstructured.SetNestedField(wrong.Object, true, "spec", "noSuchField"); err != nil {
				t.Fatal(err)
			}
			if _, has := object.Object["spec"]; has && apply(t, live, wrong) == nil {
				t.Errorf("%s: %s %s is taken with a field that it does not have", name, object.GetKind(), object.GetName())
			}
		}
	}
	for _, group := range []string{
		"", "apps", "networking.k8s.io", "rbac.authorization.k8s.io", "cert-manager.io", "metallb.io", "external-secrets.io",
		"helm.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "source.toolkit.fluxcd.io",
	} {
		if groups[group] == 0 {
			t.Errorf("no object of the group %q was tried", group)
		}
	}
	t.Logf("objects by group: %v", groups)
}

// apply is a server-side apply that changes nothing.
func apply(t *testing.T, live client.Client, object *unstructured.Unstructured) error {
	t.Helper()
	return live.Patch(t.Context(), object.DeepCopy(), client.Apply, client.DryRunAll, client.ForceOwnership, client.FieldOwner("kustomize-controller"), client.FieldValidation("Strict")) //nolint:staticcheck // as kustomize-controller
}

// namespaces creates those of a cluster: there is no dry run in a namespace that is not there.
func namespaces(t *testing.T, live client.Client, c cluster) {
	t.Helper()
	needed := map[string]bool{}
	for _, object := range c.tree.All() {
		if object.GetKind() == "Namespace" {
			needed[object.GetName()] = true
		}
	}
	needed["flux-system"], needed["kube-system"] = true, true
	for name := range needed {
		namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
		if err := live.Create(t.Context(), namespace); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
	for _, object := range c.tree.All() {
		if namespace := object.GetNamespace(); namespace != "" && !needed[namespace] {
			t.Error(fmt.Errorf("%s %s is in the namespace %s, which nothing brings", object.GetKind(), object.GetName(), namespace))
		}
	}
}

// What no definition is there for is what the documents say is unproven.
func TestTheUnprovenIsSaid(t *testing.T) {
	text := read(t, "docs/tree.md")
	for _, group := range unproven {
		if !strings.Contains(text, group) {
			t.Errorf("docs/tree.md does not say that %s is unproven", group)
		}
	}
}
