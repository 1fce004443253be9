package benchfollow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// read returns the objects of a file.
func read(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []*unstructured.Unstructured
	for document := range strings.SplitSeq(strings.TrimSuffix(string(data), "---\n"), "---\n") {
		all = append(all, object(document))
	}
	return all
}

func text(o *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}

func TestGeneratedRepositoryHoldsWhatTheTreesSay(t *testing.T) {
	dir, trees := t.TempDir(), generated()
	if err := write(dir, trees); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, tree := range trees {
		if url := text(tree.source, "spec", "url"); url != "https://git.castle.internal:8443/seed.git" {
			t.Errorf("%s: the source is %s", tree.name, url)
		}
		found := read(t, filepath.Join(dir, text(tree.root, "spec", "path"), "units.yaml"))
		if len(found) != len(tree.units) {
			t.Fatalf("%s: the root brings %d units, want %d", tree.name, len(found), len(tree.units))
		}
		for i, got := range found {
			name := got.GetName()
			if name != tree.units[i].name || names[name] || got.GetKind() != "Kustomization" || got.GetNamespace() != "flux-system" {
				t.Errorf("%s: unit %d is %s %s/%s (or is there twice)", tree.name, i, got.GetKind(), got.GetNamespace(), name)
			}
			names[name] = true
			wait, _, _ := unstructured.NestedBool(got.Object, "spec", "wait")
			prune, _, _ := unstructured.NestedBool(got.Object, "spec", "prune")
			if source := text(got, "spec", "sourceRef", "name"); source != tree.source.GetName() || !wait || !prune {
				t.Errorf("%s: source %s, wait %t, prune %t", name, source, wait, prune)
			}
			var on []string
			dependencies, _, _ := unstructured.NestedSlice(got.Object, "spec", "dependsOn")
			for _, d := range dependencies {
				on = append(on, d.(map[string]any)["name"].(string))
			}
			if strings.Join(on, " ") != strings.Join(tree.units[i].dependsOn, " ") {
				t.Errorf("%s depends on %v, want %v", name, on, tree.units[i].dependsOn)
			}
			testObjects(t, tree, name, read(t, filepath.Join(dir, text(got, "spec", "path"), "object.yaml")))
		}
	}
}

// testObjects looks at what a unit brings. What has no label or another namespace would not be waited for when it is removed.
func testObjects(t *testing.T, tree tree, name string, objects []*unstructured.Unstructured) {
	t.Helper()
	want := "ConfigMap"
	if tree.workloads {
		want = "Deployment"
	}
	if len(objects) != 1 || objects[0].GetKind() != want || objects[0].GetName() != name || objects[0].GetNamespace() != namespace || objects[0].GetLabels()[partOf] != "bench" {
		t.Errorf("%s brings %v, want a %s", name, objects, want)
	}
	if tree.workloads && text(objects[0], "spec", "template", "metadata", "labels", partOf) != "bench" {
		t.Errorf("the Pods of %s have no label: %v", name, objects[0])
	}
}

func TestShapes(t *testing.T) {
	for _, tree := range generated() {
		depth, widest := map[string]int{}, map[string]int{}
		most := 0
		for _, u := range tree.units {
			depth[u.name] = 1
			for _, d := range u.dependsOn {
				if depth[d] == 0 {
					t.Errorf("%s depends on %s, which comes later or never", u.name, d)
				}
				depth[u.name] = depth[d] + 1
				widest[d]++
			}
			most = max(most, depth[u.name])
		}
		switch tree.name {
		case chain, workloads:
			if most != 5 || tree.levels != 5 || len(tree.units) != 5 {
				t.Errorf("%s: %d levels (it says %d) of %d units", tree.name, most, tree.levels, len(tree.units))
			}
		case fan:
			if most != 2 || widest["fan-base"] != 20 {
				t.Errorf("fan: %d levels, %v", most, widest)
			}
		}
	}
}

func TestRealTreeComesFromItsFiles(t *testing.T) {
	dir := t.TempDir()
	cluster := filepath.Join(dir, "clusters/castle")
	for path, content := range map[string]string{
		filepath.Join(cluster, "kustomization.yaml"): "resources: [units.yaml]\n",
		filepath.Join(dir, "sync.yaml"):              "",
	} {
		if err := writeFile(path, content); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := realTree(dir, filepath.Join(dir, "sync.yaml")); err == nil || !strings.Contains(err.Error(), "sync objects") {
		t.Errorf("without sync objects: %v", err)
	}
	units := generated()[0].kustomization(unit{name: "flux-system"}) + "---\n" + generated()[0].kustomization(unit{name: "apps"})
	sync := "kind: GitRepository\nmetadata: {name: flux-system}\n---\nkind: Kustomization\nmetadata: {name: flux-system}\n---\n"
	if err := writeFile(filepath.Join(cluster, "units.yaml"), units); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, "sync.yaml"), sync); err != nil {
		t.Fatal(err)
	}
	got, err := realTree(dir, filepath.Join(dir, "sync.yaml"))
	if err != nil || strings.Join(got.names(), " ") != "flux-system apps" {
		t.Errorf("units %v (%v)", got.names(), err)
	}
}
