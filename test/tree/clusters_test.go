package tree_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A copy of the production cluster with three changed lines is a valid new cluster.
func TestACopyWithThreeLines(t *testing.T) {
	t.Parallel()
	dir := copied(t)
	if err := os.CopyFS(filepath.Join(dir, "clusters/green"), os.DirFS(filepath.Join(dir, "clusters/tazlab"))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "clusters/green/cluster-vars.yaml")
	content := read(t, "clusters/tazlab/cluster-vars.yaml")
	for _, line := range [][2]string{
		{"  CLUSTER_NAME: tazlab\n", "  CLUSTER_NAME: green\n"},
		{"  CLUSTER_DOMAIN: tazlab.net\n", "  CLUSTER_DOMAIN: green.tazlab.net\n"},
		{"  LOAD_BALANCER_ADDRESSES: 192.168.1.240-192.168.1.249\n", "  LOAD_BALANCER_ADDRESSES: 192.168.1.230-192.168.1.239\n"},
	} {
		if strings.Count(content, line[0]) != 1 {
			t.Fatalf("clusters/tazlab/cluster-vars.yaml does not hold the line %q once", line[0])
		}
		content = strings.Replace(content, line[0], line[1], 1)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	green, tazlab := load(t, dir, "green"), load(t, dir, "tazlab")
	if manifest := green.render(t); !strings.Contains(manifest, "path: ./clusters/green") || strings.Contains(manifest, "clusters/tazlab") {
		t.Errorf("the inline manifest does not lead to the new cluster:\n%s", manifest)
	}
	testUnits(t, green)
	var changed []string
	for i, object := range tazlab.tree.All() {
		if other := green.tree.All()[i]; !reflect.DeepEqual(object.Object, other.Object) {
			changed = append(changed, object.GetKind()+" "+object.GetName())
		}
	}
	slices.Sort(changed)
	want := []string{"ConfigMap cluster-vars", "IPAddressPool default", "Ingress blog", "Kustomization flux-system", "PostgresCluster tazlab-db"}
	if !slices.Equal(changed, want) {
		t.Errorf("the new cluster differs in %v, want %v", changed, want)
	}
	if backup := field(t, green, "PostgresCluster", "spec", "backups", "pgbackrest", "global", "repo1-path"); backup != "/pgbackrest/green" {
		t.Errorf("the new cluster backs its database up to %s", backup)
	}
	if restore := field(t, green, "PostgresCluster", "spec", "dataSource", "pgbackrest", "global", "repo1-path"); restore != "/pgbackrest/tazlab" {
		t.Errorf("the new cluster restores its database from %s", restore)
	}
}

// The app and the unit of the document, put where it says.
func TestAnAppAndAUnitAsDocumented(t *testing.T) {
	t.Parallel()
	const document = "docs/tree.md"
	dir := copied(t)
	if err := os.Mkdir(filepath.Join(dir, "apps/base/hello"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		"apps/base/hello/kustomization.yaml": blockOf(t, document, "apps/base/hello/kustomization.yaml"),
		"apps/base/hello/hello.yaml":         blockOf(t, document, "apps/base/hello/hello.yaml"),
		"clusters/base/apps.yaml":            read(t, "clusters/base/apps.yaml") + blockOf(t, document, "clusters/base/apps.yaml, at its end"),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"tazlab", "castle"} {
		c := load(t, dir, name)
		testUnits(t, c)
		if objects := c.byUnit["apps-hello"]; len(objects) != 2 || objects[1].GetNamespace() != "hello" {
			t.Errorf("%s: the unit brings %v", name, objects)
		}
	}
}

// field is a text in the one object of its kind.
func field(t *testing.T, c cluster, kind string, path ...string) string {
	t.Helper()
	for _, object := range c.tree.All() {
		if object.GetKind() == kind {
			text, _, err := unstructured.NestedString(object.Object, path...)
			if err != nil {
				t.Error(err)
			}
			return text
		}
	}
	t.Errorf("%s has no %s", c.name, kind)
	return ""
}

// Only the castle has variables of its own, for its stand-ins and for an identity without a secret, and no variable is one that nobody reads. That each that is
// read is there, the build of each cluster shows.
func TestVariables(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, folder := range []string{"clusters/base", "infrastructure", "apps"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(file)
			text.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := map[string]bool{}
	for _, found := range regexp.MustCompile(`\$\{([A-Z0-9_]+)\}|fieldPath: data\.([A-Z0-9_]+)`).FindAllStringSubmatch(text.String(), -1) {
		read[found[1]+found[2]] = true
	}
	tazlab, castle := load(t, root, "tazlab").vars, load(t, root, "castle").vars
	for name := range tazlab {
		if _, there := castle[name]; !there {
			t.Errorf("the castle has no %s", name)
		}
	}
	for name := range castle {
		if _, there := tazlab[name]; !there && !slices.Contains([]string{"STAND_IN_SECONDS", "DATABASE_AFTER", "VAULT_JWT_IDENTITY_ID"}, name) {
			t.Errorf("tazlab has no %s", name)
		}
		if !read[name] {
			t.Errorf("nobody reads %s", name)
		}
	}
	if len(read) < 10 {
		t.Errorf("only the variables %v were found", read)
	}
}

// Stand-ins are in the castle, where each unit has its name and its place in the graph; elsewhere there is none.
func TestStandIns(t *testing.T) {
	t.Parallel()
	tazlab, castle := load(t, root, "tazlab"), load(t, root, "castle")
	for _, object := range tazlab.tree.All() {
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"stand-in", "castle"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s %s of tazlab has the word %s", object.GetKind(), object.GetName(), word)
			}
		}
	}
	theirs := castle.units(t)
	for i, unit := range tazlab.units(t) {
		if unit.Name != theirs[i].Name || !reflect.DeepEqual(unit.Spec.DependsOn, theirs[i].Spec.DependsOn) || unit.Spec.Wait != theirs[i].Spec.Wait {
			t.Errorf("%s is another unit in the castle: %s", unit.Name, theirs[i].Name)
		}
		testSubstitutes(t, unit.Name, tazlab, castle)
	}
	if releases := kinds(castle, "HelmRelease"); !slices.Equal(releases, []string{"external-secrets", "pgadmin"}) {
		t.Errorf("the castle has the Helm releases %v", releases)
	}
}

// testSubstitutes finds, for each object of a unit whose software the castle cannot run, what says that it stands in for it.
func testSubstitutes(t *testing.T, unit string, tazlab, castle cluster) {
	t.Helper()
	there := map[string]bool{}
	for _, object := range castle.byUnit[unit] {
		there[object.GetKind()+"/"+object.GetName()] = true
		if name := object.GetName(); strings.HasSuffix(name, "-stand-in") && (object.GetKind() == "Deployment" || object.GetKind() == "ConfigMap") &&
			(object.GetLabels()[standIn] != "true" || object.GetAnnotations()[standIn] == "") {
			t.Errorf("%s %s does not say that it is a stand-in", object.GetKind(), name)
		}
	}
	for _, object := range tazlab.byUnit[unit] {
		switch group := object.GroupVersionKind().Group; group {
		case "source.toolkit.fluxcd.io":
		case "helm.toolkit.fluxcd.io":
			if name := object.GetName(); !there["Deployment/"+name+"-stand-in"] && !there["HelmRelease/"+name] {
				t.Errorf("%s: the castle has neither %s nor a stand-in", unit, name)
			}
		case "cert-manager.io", "metallb.io":
			if name := object.GetName(); !there["ConfigMap/"+name+"-stand-in"] {
				t.Errorf("%s: the castle has no stand-in of %s", unit, name)
			}
		default:
			if !there[object.GetKind()+"/"+object.GetName()] {
				t.Errorf("%s: the castle has no %s %s", unit, object.GetKind(), object.GetName())
			}
		}
	}
}

func kinds(c cluster, kind string) []string {
	var names []string
	for _, object := range c.tree.All() {
		if object.GetKind() == kind {
			names = append(names, object.GetName())
		}
	}
	slices.Sort(names)
	return names
}
