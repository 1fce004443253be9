package check

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/internal/chart"
	"github.com/tazlab/seed/internal/wait/kinds"
)

// made is an object of a chart, with the metadata that helm-controller adds, and where it stands.
func (t *Tree) made(r *Release, m chart.Object) *Object {
	o := &Object{Unstructured: m.Unstructured, Unit: r.Unit, Release: r, Hook: m.Hook, Definition: m.Definition, File: r.File, Line: r.Line}
	if t.IsFile(m.File) {
		o.File, o.Line = m.File, t.lineOfKind(m.File, m.GetKind())
	}
	for field, set := range map[string]func(map[string]string){"labels": o.SetLabels, "annotations": o.SetAnnotations} {
		all := map[string]string{}
		have, _, _ := unstructured.NestedStringMap(o.Object, "metadata", field)
		maps.Copy(all, have)
		common, _, _ := unstructured.NestedStringMap(r.Object.Object, "spec", "commonMetadata", field)
		maps.Copy(all, common)
		if len(common) > 0 {
			set(all)
		}
	}
	return o
}

// lineOfKind is where a template begins an object of a kind, 1 if it has not just one such place.
func (t *Tree) lineOfKind(file, kind string) int {
	data, err := os.ReadFile(filepath.Join(t.dir, file))
	if err != nil {
		return 1
	}
	begins := regexp.MustCompile(`(?m)^kind:[ \t]+["']?` + regexp.QuoteMeta(kind) + `["']?[ \t]*(#.*)?\r?$`)
	places := begins.FindAllIndex(data, -1)
	if len(places) != 1 {
		return 1
	}
	return 1 + strings.Count(string(data[:places[0][0]]), "\n")
}

// settle gives the objects of charts their namespaces, and lets them be found.
func (l *loader) settle() {
	scopes := l.cluster.scopes()
	for _, r := range l.cluster.Releases {
		for _, o := range r.Objects {
			namespaced, known := scopes.of(o.GroupVersionKind())
			switch {
			case known && !namespaced:
				o.SetNamespace("") // as the API server does
			case o.GetNamespace() == "" && known:
				o.SetNamespace(r.Namespace)
			case o.GetNamespace() == "":
				o.SetNamespace(chart.Varies)
			}
			if l.cluster.found[idOf(o)] == nil {
				l.cluster.found[idOf(o)] = o
			}
			if o.leads() {
				what := fmt.Sprintf("%s of the chart of %s", o, r.Object)
				l.cluster.Incomplete = cmp.Or(l.cluster.Incomplete, what+" was not looked into")
				l.tree.NotLooked = append(l.tree.NotLooked, NotLooked{l.cluster.Name + ": " + what, "what a chart makes is not followed any further"})
			}
		}
	}
}

// leads tells whether Flux, or flux-operator, makes other objects of one.
func (o *Object) leads() bool {
	gvk := o.GroupVersionKind()
	return slices.Contains([]string{kustomizev1.GroupVersion.Group, helmGroup, instances}, gvk.Group)
}

// scopes tell of the kinds that the definitions of a cluster bring whether their objects have a namespace.
type scopes map[schema.GroupKind]bool

func (c *Cluster) scopes() scopes {
	all := scopes{}
	for _, o := range c.Objects() {
		if o.GetKind() == "CustomResourceDefinition" {
			all[schema.GroupKind{Group: o.text("spec", "group"), Kind: o.text("spec", "names", "kind")}] = o.text("spec", "scope") == "Namespaced"
		}
	}
	return all
}

// of tells whether the objects of a kind have a namespace, if that is known.
func (s scopes) of(gvk schema.GroupVersionKind) (namespaced, known bool) {
	if resource, builtin := kinds.Builtin(gvk.Kind, gvk.Version, gvk.Group); builtin && resource.Group == gvk.Group {
		return resource.Namespaced, true
	}
	if namespaced, known = s[gvk.GroupKind()]; known {
		return namespaced, true
	}
	return true, slices.Contains(plurals, strings.ToLower(gvk.Kind)+"s."+gvk.Group)
}
