package benchfollow

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/stock"
)

// The trees, as --trees names them.
const (
	chain     = "chain"
	fan       = "fan"
	workloads = "workloads"
	real      = "real"
	warmUp    = "warm-up" // is not measured
)

// Where the objects of the generated trees are, and the label that all of them have.
const (
	namespace = "bench"
	partOf    = "app.kubernetes.io/part-of"
)

// tree is what is planted: a source, a root, and the Kustomizations that the root brings.
type tree struct {
	name, title string
	// levels is how many units stand one after another; 0 where that says nothing.
	levels       int
	units        []unit
	workloads    bool // each unit has a Deployment instead of a ConfigMap
	source, root *unstructured.Unstructured
}

type unit struct {
	name      string
	dependsOn []string
}

// names are those of all its Kustomizations.
func (t tree) names() []string {
	names := []string{t.root.GetName()}
	for _, u := range t.units {
		names = append(names, u.name)
	}
	return names
}

// generated are the trees that are made here. Their source and root are named after them.
func generated() []tree {
	all := []tree{
		{name: chain, title: "a chain of 5", levels: 5, units: inChain(chain, 5)},
		{name: fan, title: "20 that depend on one", units: inFan(fan, 20)},
		{name: workloads, title: "a chain of 5 with a Deployment each", levels: 5, units: inChain(workloads, 5), workloads: true},
		{name: warmUp, units: inChain(warmUp, 1)},
	}
	for i, t := range all {
		all[i].source, all[i].root = source(t.name), root(t.name)
	}
	return all
}

func inChain(tree string, length int) []unit {
	units := []unit{{name: tree + "-1"}}
	for n := 2; n <= length; n++ {
		units = append(units, unit{fmt.Sprintf("%s-%d", tree, n), []string{fmt.Sprintf("%s-%d", tree, n-1)}})
	}
	return units
}

func inFan(tree string, width int) []unit {
	units := []unit{{name: tree + "-base"}}
	for n := range width {
		units = append(units, unit{fmt.Sprintf("%s-%02d", tree, n+1), []string{units[0].name}})
	}
	return units
}

// write puts the repository of all generated trees into dir.
func write(dir string, trees []tree) error {
	for _, t := range trees {
		var units strings.Builder
		for _, u := range t.units {
			units.WriteString(t.kustomization(u) + "---\n")
			object := configMap(u.name)
			if t.workloads {
				object = deployment(u.name)
			}
			if err := writeFile(filepath.Join(dir, t.name, u.name, "object.yaml"), object); err != nil {
				return err
			}
		}
		if err := writeFile(filepath.Join(dir, t.name, "root", "units.yaml"), units.String()); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

// kustomization has the settings of flux bootstrap's root where it needs one, and waits for what it brings.
func (t tree) kustomization(u unit) string {
	dependsOn := "[]"
	if len(u.dependsOn) > 0 {
		dependsOn = "[{name: " + strings.Join(slices.Clone(u.dependsOn), "}, {name: ") + "}]"
	}
	return fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %s, namespace: %s}
spec:
  interval: 10m
  timeout: 5m
  path: ./%s/%s
  prune: true
  wait: true
  dependsOn: %s
  sourceRef: {kind: GitRepository, name: %s}
`, u.name, stock.Namespace, t.name, u.name, dependsOn, t.name)
}

func configMap(name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, labels: {%s: bench}}\ndata: {unit: %s}\n",
		name, namespace, partOf, name)
}

// deployment is a Pod of the pause image, which is on every node and starts in an instant.
func deployment(name string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s, labels: {%[3]s: bench}}
spec:
  selector: {matchLabels: {unit: %[1]s}}
  template:
    metadata: {labels: {unit: %[1]s, %[3]s: bench}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: pause, image: %[4]q}]
`, name, namespace, partOf, images.Pause.Name)
}

// source and root are as flux bootstrap makes them; the root waits for nothing but for being applied.
func source(name string) *unstructured.Unstructured {
	return object(fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: %s, namespace: %s}
spec: {interval: 10m, url: %q, ref: {branch: main}, secretRef: {name: %[2]s}}
`, name, stock.Namespace, life.GitURL))
}

func root(name string) *unstructured.Unstructured {
	return object(fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %[1]s, namespace: %[2]s}
spec: {interval: 10m, path: ./%[1]s/root, prune: true, sourceRef: {kind: GitRepository, name: %[1]s}}
`, name, stock.Namespace))
}

// object reads YAML that was written here.
func object(text string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		panic(fmt.Sprintf("%v in\n%s", err, text))
	}
	return o
}
