package talos

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// next is the text of the machinery of Talos 1.14, which cannot be built: see doc.go.
func next(t *testing.T) string {
	t.Helper()
	sums, err := os.ReadFile("next/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(sums))
	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", words[0]+"@"+words[1])
	command.Dir, command.Env, command.Stderr = "next", append(os.Environ(), "GOWORK=off"), t.Output()
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return module.Dir
}

// fields are the keys that a struct of the file has in YAML.
func fields(t *testing.T, file, name string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	object := parsed.Scope.Lookup(name)
	if object == nil {
		t.Fatalf("%s has no %s", file, name)
	}
	var all []string
	for _, field := range object.Decl.(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
		text, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			t.Fatal(err)
		}
		if key, _, _ := strings.Cut(reflect.StructTag(text).Get("yaml"), ","); key != "" {
			all = append(all, key)
		}
	}
	return all
}

// From 1.14 the manifest is a document of its own. Talos refuses a key that it does not know.
func TestTheDocumentOfTalos114(t *testing.T) {
	t.Parallel()
	types := filepath.Join(next(t), "config", "types")
	want := append(fields(t, filepath.Join(types, "meta", "meta.go"), "Meta"),
		fields(t, filepath.Join(types, "k8s", "inline_manifest.go"), "KubeInlineManifestConfigV1Alpha1")...)
	slices.Sort(want)
	for _, cluster := range clusters {
		var document map[string]string
		if err := yaml.UnmarshalStrict([]byte(render(t, cluster, "1.14")), &document); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(document)); !slices.Equal(got, want) {
			t.Errorf("%s: the document has %q, and Talos' %q", cluster, got, want)
		}
		if document["apiVersion"] != "v1alpha1" || document["kind"] != "KubeInlineManifestConfig" || document["name"] != "seed" {
			t.Errorf("%s: it is %s %s %s", cluster, document["apiVersion"], document["kind"], document["name"])
		}
		var before legacy
		if err := yaml.UnmarshalStrict([]byte(render(t, cluster, "1.13")), &before); err != nil {
			t.Fatal(err)
		}
		if document["manifest"] != before.Cluster.InlineManifests[0].Contents {
			t.Errorf("%s: another manifest than for 1.13", cluster)
		}
	}
}
