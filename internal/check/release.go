package check

import (
	"cmp"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Of helm-controller: its API is not linked for two words.
const (
	helmGroup  = "helm.toolkit.fluxcd.io"
	helmv2Kind = "HelmRelease"
)

// Release is a HelmRelease. Its chart is not rendered.
type Release struct {
	*Object
	// Chart is the chart's name, or the last part of the address it comes from: "" if the tree does not say.
	Chart string
	// Path is the chart's folder in this repository, "" if it comes from elsewhere.
	Path string
	// Namespace is where the chart's objects go.
	Namespace string
	// CreateNamespace says that helm-controller creates it.
	CreateNamespace bool
	// Values are those of valuesFrom and of spec.values, merged.
	Values map[string]any
	// Open says that there may be other values: the tree does not bring all of them.
	Open bool
}

// release reads a HelmRelease.
func (l *loader) release(o *Object) *Release {
	text := func(fields ...string) string { s, _, _ := unstructured.NestedString(o.Object, fields...); return s }
	r := &Release{Object: o, Namespace: cmp.Or(text("spec", "targetNamespace"), o.GetNamespace()), Chart: path.Base(text("spec", "chart", "spec", "chart"))}
	r.CreateNamespace, _, _ = unstructured.NestedBool(o.Object, "spec", "install", "createNamespace")
	if name := text("spec", "chartRef", "name"); name != "" {
		r.Chart = ""
		if source := l.cluster.Find("source.toolkit.fluxcd.io", text("spec", "chartRef", "kind"), cmp.Or(text("spec", "chartRef", "namespace"), o.GetNamespace()), name); source != nil {
			r.Chart = chartOf(source)
		}
	} else if text("spec", "chart", "spec", "sourceRef", "kind") == l.cluster.Root.Spec.SourceRef.Kind && text("spec", "chart", "spec", "sourceRef", "name") == l.cluster.Root.Spec.SourceRef.Name {
		r.Path = clean(text("spec", "chart", "spec", "chart"))
	}
	if r.Chart == "." {
		r.Chart = ""
	}
	l.values(r)
	return r
}

// chartOf is the name of the chart in an OCIRepository or HelmChart.
func chartOf(source *Object) string {
	for _, field := range []string{"chart", "url"} {
		if text, _, _ := unstructured.NestedString(source.Object, "spec", field); text != "" && Substituted(text) {
			return path.Base(text)
		}
	}
	return ""
}

// values merges the values of a release as helm-controller does: valuesFrom in their order, then spec.values.
func (l *loader) values(r *Release) {
	r.Values = map[string]any{}
	from, _, _ := unstructured.NestedSlice(r.Object.Object, "spec", "valuesFrom")
	for _, entry := range from {
		ref, _ := entry.(map[string]any)
		text := func(field string) string { s, _, _ := unstructured.NestedString(ref, field); return s }
		object := l.cluster.Find("", text("kind"), r.GetNamespace(), text("name"))
		if object == nil || text("targetPath") != "" {
			r.Open = true
			continue
		}
		content, there := valuesOf(object)[cmp.Or(text("valuesKey"), "values.yaml")]
		var values map[string]any
		if !there || strings.HasPrefix(content, "${") || yaml.Unmarshal([]byte(content), &values) != nil {
			r.Open = true
			continue
		}
		merge(r.Values, values)
	}
	inline, _, _ := unstructured.NestedMap(r.Object.Object, "spec", "values")
	merge(r.Values, inline)
}

// merge puts values over into, map by map.
func merge(into, values map[string]any) {
	for name, value := range values {
		below, isMap := value.(map[string]any)
		old, wasMap := into[name].(map[string]any)
		if isMap && wasMap {
			merge(old, below)
		} else {
			into[name] = value
		}
	}
}

// Charts tells whether a chart is installed into a namespace: it may bring any object there.
func (c *Cluster) Charts(namespace string) bool {
	for _, r := range c.Releases {
		if r.Namespace == namespace || !Substituted(r.Namespace) {
			return true
		}
	}
	return false
}
