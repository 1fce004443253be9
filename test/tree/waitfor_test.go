// Package tree_test holds the manifests of the tree, and those that the documents show, against each other.
package tree_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	root      = "../.."
	component = "infrastructure/components/waitfor"
	app       = "apps/base/mnemosyne"
)

// tree is a copy of the component and the app in memory, to change.
func tree(t *testing.T) filesys.FileSystem {
	t.Helper()
	fs := filesys.MakeFsInMemory()
	for _, folder := range []string{component, app} {
		entries, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			put(t, fs, folder+"/"+entry.Name(), read(t, folder+"/"+entry.Name()))
		}
	}
	return fs
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := readIfThere(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func readIfThere(file string) (string, error) {
	content, err := os.ReadFile(filepath.Join(root, file))
	return string(content), err
}

func put(t *testing.T, fs filesys.FileSystem, file, content string) {
	t.Helper()
	if err := fs.WriteFile("/"+file, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

// objects are parsed manifests by kind; of each kind there is one.
type objects map[string]map[string]any

func parse(t *testing.T, manifests string) objects {
	t.Helper()
	all := objects{}
	for document := range strings.SplitSeq(manifests, "\n---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		kind, _ := object["kind"].(string)
		if _, twice := all[kind]; twice || kind == "" {
			t.Fatalf("there are two of the kind %q:\n%s", kind, manifests)
		}
		all[kind] = object
	}
	return all
}

func assemble(fs filesys.FileSystem, folder string) (string, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/"+folder)
	if err != nil {
		return "", err
	}
	manifests, err := built.AsYaml()
	return string(manifests), err
}

func built(t *testing.T, fs filesys.FileSystem) objects {
	t.Helper()
	manifests, err := assemble(fs, app)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, manifests)
}

// pod is a Deployment's Pod.
func (o objects) pod() map[string]any {
	spec := o["Deployment"]["spec"].(map[string]any)
	return spec["template"].(map[string]any)["spec"].(map[string]any)
}

// block is the YAML of docs/waitfor.md that begins with the comment title.
func block(t *testing.T, title string) string {
	t.Helper()
	return blockOf(t, "docs/waitfor.md", title)
}

func blockOf(t *testing.T, document, title string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, document), "```yaml\n# "+title+"\n")
	text, _, ended := strings.Cut(text, "```\n")
	if !found || !ended {
		t.Fatalf("%s has no YAML %q", document, title)
	}
	return text
}

func TestThePlainManifestIsWhatTheComponentMakes(t *testing.T) {
	plain, made := parse(t, strings.ReplaceAll(block(t, "plain"), ":VERSION", "")), built(t, tree(t))
	for _, kind := range []string{"ServiceAccount", "Role", "RoleBinding"} {
		if !reflect.DeepEqual(plain[kind], made[kind]) {
			t.Errorf("%s: the document has %v\nthe component makes %v", kind, plain[kind], made[kind])
		}
	}
	for _, field := range []string{"serviceAccountName", "automountServiceAccountToken", "initContainers", "volumes"} {
		if !reflect.DeepEqual(plain.pod()[field], made.pod()[field]) {
			t.Errorf("%s: the document has %v\nthe component makes %v", field, plain.pod()[field], made.pod()[field])
		}
	}
}

func TestTheComponentAsDocumented(t *testing.T) {
	fs := tree(t)
	put(t, fs, app+"/kustomization.yaml", block(t, "kustomization.yaml")+block(t, "kustomization.yaml, at its end"))
	if !strings.Contains(read(t, app+"/deployment.yaml"), block(t, "deployment.yaml")) {
		t.Errorf("%s/deployment.yaml begins in another way than the document says", app)
	}
	made := built(t, fs)
	image := made.pod()["initContainers"].([]any)[0].(map[string]any)["image"]
	if image != "ghcr.io/tazlab/waitfor:VERSION" {
		t.Errorf("the image is %v", image)
	}
	if rules := made["Role"]["rules"].([]any); len(rules) != 3 {
		t.Errorf("%d rules, want the two of the component and the one of the patch: %v", len(rules), rules)
	}
}

// What the Deployment had stays, and waiting comes first.
func TestTheComponentKeepsWhatIsThere(t *testing.T) {
	fs := tree(t)
	replace(t, fs, app+"/deployment.yaml", "      containers:\n", "      volumes:\n        - name: data\n          emptyDir: {}\n"+
		"      initContainers:\n        - name: migrate\n          image: example.com/migrate:1\n      containers:\n")
	pod := built(t, fs).pod()
	if names := names(pod["initContainers"]); !reflect.DeepEqual(names, []string{"waitfor", "migrate"}) {
		t.Errorf("init containers %v", names)
	}
	if names := names(pod["volumes"]); len(names) != 2 {
		t.Errorf("volumes %v", names)
	}
}

func names(list any) []string {
	var all []string
	for _, item := range list.([]any) {
		all = append(all, item.(map[string]any)["name"].(string))
	}
	return all
}

func replace(t *testing.T, fs filesys.FileSystem, file, old, with string) {
	t.Helper()
	content, err := fs.ReadFile("/" + file)
	if err != nil || !strings.Contains(string(content), old) {
		t.Fatalf("%s: %v, does not hold %q", file, err, old)
	}
	put(t, fs, file, strings.Replace(string(content), old, with, 1))
}

// Two apps of a namespace have an account each, and neither may look at the other's Secret.
func TestTwoFoldersHaveTwoAccounts(t *testing.T) {
	fs := tree(t)
	for _, name := range []string{"deployment.yaml", "service.yaml", "kustomization.yaml"} {
		put(t, fs, "apps/base/other/"+name, strings.ReplaceAll(read(t, app+"/"+name), "mnemosyne", "the-other"))
	}
	put(t, fs, "apps/both/kustomization.yaml", "resources: [../base/mnemosyne, ../base/other]\n")
	manifests, err := assemble(fs, "apps/both")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: mnemosyne-waitfor", "name: the-other-waitfor", "serviceAccountName: the-other-waitfor", "  - tazlab-db-pguser-the-other\n"} {
		if !strings.Contains(manifests, want) {
			t.Errorf("the build lacks %q:\n%s", want, manifests)
		}
	}
}

func TestAComponentWithoutAnAnswerIsAnError(t *testing.T) {
	second := "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: second\nspec:\n"
	for name, c := range map[string]struct{ old, with, want string }{
		"no targets":      {"    waitfor.tazlab.net/targets: ", "    other: ", "waitfor.tazlab.net/targets"},
		"no Secret":       {"    waitfor.tazlab.net/secret: ", "    other: ", "waitfor.tazlab.net/secret"},
		"two Deployments": {"# The memory of the agents", second + "---\n# The memory of the agents", "Deployment"},
	} {
		t.Run(name, func(t *testing.T) {
			fs := tree(t)
			replace(t, fs, app+"/deployment.yaml", c.old, c.with)
			if manifests, err := assemble(fs, app); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error that names %s\n%s", err, c.want, manifests)
			}
		})
	}
}

// The chart in the document is charts/pgadmin.
func TestTheChartAsDocumented(t *testing.T) {
	for _, file := range []string{"Chart.yaml", "values.yaml", "templates/waitfor.yaml", "templates/deployment.yaml"} {
		content := read(t, "charts/pgadmin/"+file)
		for line := range strings.Lines(block(t, file)) {
			if !strings.Contains(content, line) {
				t.Errorf("charts/pgadmin/%s lacks the document's line %q", file, line)
			}
		}
	}
}
