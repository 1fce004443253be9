package check

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// values merges the values of a release as helm-controller does: valuesFrom in their order, then spec.values. What a targetPath
// puts in is withheld: whether it stays depends on what is beside it.
// https://github.com/fluxcd/pkg/blob/chartutil/v1.27.1/chartutil/values.go
func (l *loader) values(r *Release) {
	r.Values = map[string]any{}
	targets := map[string]withheld{}
	from, _, _ := unstructured.NestedSlice(r.Object.Object, "spec", "valuesFrom")
	for _, entry := range from {
		ref, _ := entry.(map[string]any)
		l.mergeFrom(r, ref, targets)
	}
	inline, _, _ := unstructured.NestedMap(r.Object.Object, "spec", "values")
	if l.mayHide(r.Object) {
		r.gap("spec.values, into which kustomize may put what is in a Secret")
		inline = nil
	}
	r.Object.mark(inline)
	merge(r.Values, inline)
	for _, path := range slices.Sorted(maps.Keys(targets)) {
		if !put(r.Values, path, targets[path]) {
			r.gap(fmt.Sprintf("%s, which targetPath puts at %s", targets[path].text, path))
		}
	}
}

// mergeFrom merges what one entry of valuesFrom names.
func (l *loader) mergeFrom(r *Release, ref map[string]any, targets map[string]withheld) {
	text := func(field string) string { s, _, _ := unstructured.NestedString(ref, field); return s }
	kind, key := text("kind"), cmp.Or(text("valuesKey"), "values.yaml")
	what := fmt.Sprintf("key %s of %s %s", key, kind, text("name"))
	object := l.cluster.Find("", kind, r.GetNamespace(), text("name"))
	if object != nil {
		r.secret = r.secret || kind == "Secret" || object.Unit.secret()
	}
	switch {
	case text("targetPath") != "":
		r.Open = true
		why := whyNotMerged
		if kind == "Secret" {
			why = whySecret
		}
		targets[text("targetPath")] = withheld{why, what}
	case object == nil:
		r.gap(what + ", which the tree does not bring")
	case object.shared() || object.skipped():
		r.gap(what + ", which something else may write too")
	default:
		values, why := l.valuesIn(object, key)
		if why != "" {
			r.gap(what + ", which " + why)
		}
		r.Open = r.Open || hasWithheld(values)
		merge(r.Values, values)
	}
}

// gap notes that any value may be another one, and why.
func (r *Release) gap(why string) {
	r.Open = true
	r.gaps = append(r.gaps, why)
}

// valuesIn reads the values in a ConfigMap or Secret, with those withheld that are not known, or not told. Why is why none of them is
// known.
func (l *loader) valuesIn(o *Object, key string) (values map[string]any, why string) {
	text, there := o.content(key)
	_, encrypted := o.Object["sops"]
	switch {
	case encrypted:
		return nil, "is encrypted"
	case !there:
		return nil, "is not in it"
	case yaml.Unmarshal([]byte(text), &values) != nil:
		return nil, "cannot be read as values, as far as it is known"
	case o.GetKind() == "Secret" && l.mayHide(o):
		hide(values, withheld{whySecret, "in Secret " + o.GetName()})
	case l.mayHide(o):
		return nil, "may have something in it that is in a Secret"
	default:
		o.mark(values)
	}
	return values, ""
}

// content is a text of a ConfigMap or Secret as it is, with the variables that are left in it.
func (o *Object) content(key string) (text string, there bool) {
	if o.GetKind() != "Secret" {
		text, there, _ = unstructured.NestedString(o.Object, "data", key)
		return text, there
	}
	if text, there, _ = unstructured.NestedString(o.Object, "stringData", key); there {
		return text, true
	}
	text, there, _ = unstructured.NestedString(o.Object, "data", key)
	plain, err := base64.StdEncoding.DecodeString(text)
	return string(plain), there && err == nil
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
