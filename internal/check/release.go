package check

import (
	"cmp"
	"path"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Of helm-controller: its API is not linked for two words.
const (
	helmGroup  = "helm.toolkit.fluxcd.io"
	helmv2Kind = "HelmRelease"
)

// Release is a HelmRelease.
type Release struct {
	*Object
	// Chart is the chart's name, or the last part of the address it comes from: "" if the tree does not say.
	Chart string
	// Path is the chart's folder or archive in this repository, "" if it comes from elsewhere.
	Path string
	// Namespace is where the chart's objects go.
	Namespace string
	// CreateNamespace says that helm-controller creates it.
	CreateNamespace bool
	// Values are those of valuesFrom and of spec.values, merged.
	Values map[string]any
	// Open says that there may be other values: the tree does not bring all of them.
	Open bool
	// NotLooked says why the chart's objects are not known. It is "" where they are.
	NotLooked string
	// Failed is why the chart cannot be rendered, if that is the reason.
	Failed error
	// Objects are what the chart makes.
	Objects []*Object
	// template is what source-controller makes the chart of: the spec of a HelmChart.
	template map[string]any
	// secret says that some values are of a Secret.
	secret bool
}

// release reads a HelmRelease.
func (l *loader) release(o *Object) *Release {
	r := &Release{Object: o, Namespace: cmp.Or(o.text("spec", "targetNamespace"), o.GetNamespace()), Chart: path.Base(o.text("spec", "chart", "spec", "chart"))}
	r.CreateNamespace, _, _ = unstructured.NestedBool(o.Object, "spec", "install", "createNamespace")
	r.template, _, _ = unstructured.NestedMap(o.Object, "spec", "chart", "spec")
	namespace := cmp.Or(o.text("spec", "chart", "spec", "sourceRef", "namespace"), o.GetNamespace())
	if name := o.text("spec", "chartRef", "name"); name != "" {
		r.Chart, r.template = "", nil
		if source := l.cluster.Find(sourcev1.GroupVersion.Group, o.text("spec", "chartRef", "kind"), cmp.Or(o.text("spec", "chartRef", "namespace"), o.GetNamespace()), name); source != nil {
			r.Chart = chartOf(source)
			r.secret = source.Unit.secret()
			if source.GetKind() == "HelmChart" {
				r.template, _, _ = unstructured.NestedMap(source.Object, "spec")
				namespace = source.GetNamespace()
			}
		}
	}
	text := func(fields ...string) string { s, _, _ := unstructured.NestedString(r.template, fields...); return s }
	if name := text("sourceRef", "name"); name != "" && l.own(text("sourceRef", "kind"), namespace, name) {
		r.Path = clean(text("chart"))
	}
	if r.Chart == "." {
		r.Chart = ""
	}
	r.secret = r.secret || o.Unit.secret()
	l.values(r)
	return r
}

// chartOf is the name of the chart in an OCIRepository or HelmChart.
func chartOf(source *Object) string {
	for _, field := range []string{"chart", "url"} {
		if text := source.text("spec", field); text != "" && Substituted(text) {
			return path.Base(text)
		}
	}
	return ""
}

// secret tells whether values of variables in what a unit applies are of a Secret.
func (u *Unit) secret() bool {
	if u == nil {
		return false
	}
	of := u.Spec.PostBuild != nil && slices.ContainsFunc(u.Spec.PostBuild.SubstituteFrom, func(ref kustomizev1.SubstituteReference) bool { return ref.Kind == "Secret" })
	return of || u.Parent.secret() // which may fill in spec.postBuild.substitute
}

// values merges the values of a release as helm-controller does: valuesFrom in their order, then spec.values.
func (l *loader) values(r *Release) {
	r.Values = map[string]any{}
	from, _, _ := unstructured.NestedSlice(r.Object.Object, "spec", "valuesFrom")
	for _, entry := range from {
		ref, _ := entry.(map[string]any)
		text := func(field string) string { s, _, _ := unstructured.NestedString(ref, field); return s }
		object := l.cluster.Find("", text("kind"), r.GetNamespace(), text("name"))
		if object == nil || object.shared() || text("targetPath") != "" {
			r.Open = true
			continue
		}
		content, there := valuesOf(object)[cmp.Or(text("valuesKey"), "values.yaml")]
		var values map[string]any
		if !there || strings.HasPrefix(content, "${") || yaml.Unmarshal([]byte(content), &values) != nil {
			r.Open = true
			continue
		}
		r.secret = r.secret || object.GetKind() == "Secret" || object.Unit.secret()
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

// Charts tells whether a chart whose objects are not known is installed into a namespace: it may bring any object there.
func (c *Cluster) Charts(namespace string) bool {
	for _, r := range c.Releases {
		if r.NotLooked != "" && (r.Namespace == namespace || !Substituted(r.Namespace)) {
			return true
		}
	}
	return false
}
