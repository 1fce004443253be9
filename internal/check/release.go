package check

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	// Version is the version, or range of versions, that is asked for, "" if none is. Source is "Kind namespace/name" of what the
	// chart comes from.
	Version, Source string
	// Namespace is where the chart's objects go.
	Namespace string
	// CreateNamespace says that helm-controller creates it.
	CreateNamespace bool
	// Values are those of valuesFrom and of spec.values, merged. Those that are not known are withheld.
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
	// gaps say what else may set values.
	gaps []string
}

// release reads a HelmRelease.
func (l *loader) release(o *Object) *Release {
	r := &Release{Object: o, Namespace: cmp.Or(o.text("spec", "targetNamespace"), o.GetNamespace()), Chart: path.Base(o.text("spec", "chart", "spec", "chart"))}
	r.CreateNamespace, _, _ = unstructured.NestedBool(o.Object, "spec", "install", "createNamespace")
	l.findChart(r)
	r.secret = r.secret || o.Unit.secret()
	l.values(r)
	return r
}

// findChart finds out where the chart of a release comes from.
func (l *loader) findChart(r *Release) {
	o := r.Object
	r.template, _, _ = unstructured.NestedMap(o.Object, "spec", "chart", "spec")
	namespace := cmp.Or(o.text("spec", "chart", "spec", "sourceRef", "namespace"), o.GetNamespace())
	if name := o.text("spec", "chartRef", "name"); name != "" {
		kind, of := o.text("spec", "chartRef", "kind"), cmp.Or(o.text("spec", "chartRef", "namespace"), o.GetNamespace())
		r.Chart, r.template, r.Source = "", nil, fmt.Sprintf("%s %s/%s", kind, of, name)
		if source := l.cluster.Find(sourcev1.GroupVersion.Group, kind, of, name); source != nil {
			r.Chart, r.Version = chartOf(source), versionOf(source)
			r.secret = source.Unit.secret()
			if source.GetKind() == "HelmChart" {
				r.template, _, _ = unstructured.NestedMap(source.Object, "spec")
				namespace = source.GetNamespace()
			}
		}
	}
	text := func(fields ...string) string { s, _, _ := unstructured.NestedString(r.template, fields...); return s }
	if name := text("sourceRef", "name"); name != "" {
		r.Source, r.Version = fmt.Sprintf("%s %s/%s", text("sourceRef", "kind"), namespace, name), text("version")
		if l.own(text("sourceRef", "kind"), namespace, name) {
			r.Path = clean(text("chart"))
		}
	}
	if r.Chart == "." {
		r.Chart = ""
	}
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

// suspended tells whether helm-controller leaves a release alone.
func (r *Release) suspended() bool {
	suspended, _, _ := unstructured.NestedBool(r.Object.Object, "spec", "suspend")
	return suspended
}

// versionOf is what an OCIRepository asks for: what counts first of digest, semver and tag.
func versionOf(source *Object) string {
	return cmp.Or(source.text("spec", "ref", "digest"), source.text("spec", "ref", "semver"), source.text("spec", "ref", "tag"))
}

// secret tells whether values of variables in what a unit applies are of a Secret.
func (u *Unit) secret() bool {
	if u == nil {
		return false
	}
	of := u.Spec.PostBuild != nil && slices.ContainsFunc(u.Spec.PostBuild.SubstituteFrom, func(ref kustomizev1.SubstituteReference) bool { return ref.Kind == "Secret" })
	return of || u.Parent.secret() // which may fill in spec.postBuild.substitute
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
