package talos

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
)

// inlinePriority is what the ID of an inline manifest begins with: Talos' own come before it.
const inlinePriority = "99-"

// objects returns the objects of all manifests, in the order of the manifests' IDs and then of their documents.
func (a *Applier) objects(inline []Manifest) ([]*unstructured.Unstructured, error) {
	all := slices.Clone(a.BuiltIn)
	for _, m := range inline {
		all = append(all, Manifest{Name: inlinePriority + m.Name, Contents: m.Contents})
	}
	slices.SortStableFunc(all, func(x, y Manifest) int { return cmp.Compare(x.Name, y.Name) })
	var objects []*unstructured.Unstructured
	for _, m := range all {
		more, err := decode([]byte(m.Contents))
		if err != nil {
			return nil, fmt.Errorf("read the inline manifest %s: %w", m.Name, err)
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

// byRank moves Namespaces to the front, by name, then CRDs, by name. All else stays in its order.
func byRank(objects []*unstructured.Unstructured) {
	slices.SortStableFunc(objects, func(x, y *unstructured.Unstructured) int {
		if order := rank(x) - rank(y); order != 0 || rank(x) == others {
			return order
		}
		return strings.Compare(x.GetName(), y.GetName())
	})
}

// others is the rank of what is neither a Namespace nor a CRD.
const others = 2

func rank(object *unstructured.Unstructured) int {
	switch kind := object.GroupVersionKind(); {
	case kind.Kind == "Namespace" && kind.Version == "v1":
		return 0
	case kind.Kind == "CustomResourceDefinition" && kind.Group == "apiextensions.k8s.io":
		return 1
	}
	return others
}

// decode reads the objects of a manifest. A List is as good as its items.
func decode(manifest []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for raw, err := range split(manifest) {
		if err != nil {
			return nil, err
		}
		raw, err := yamlutil.ToJSON(raw)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(raw, []byte("null")) || bytes.Equal(raw, []byte("{}")) { // a document of comments only
			continue
		}
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal(raw, object); err != nil {
			return nil, err
		}
		if !object.IsList() {
			objects = append(objects, object)
			continue
		}
		err = object.EachListItem(func(item runtime.Object) error {
			objects = append(objects, item.(*unstructured.Unstructured)) //nolint:errcheck // a list of an Unstructured has no others
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return objects, nil
}
