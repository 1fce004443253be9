package status

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fields reads a map of an object by dotted paths. The first value of a wrong type is kept in problem, which all maps
// of one object share: so a rule reads on, and what it says is thrown away at the end.
type fields struct {
	content map[string]any
	where   string  // of the map in the object, with a dot behind it; empty for the object itself
	problem *string // why the object cannot be judged; empty if it can
}

// open makes o readable. An object that does not say what it is fits no rule, and none would find fault with it.
func open(o *unstructured.Unstructured) (fields, error) {
	if o == nil {
		return fields{}, errors.New("judging an object: there is none")
	}
	if kind := o.GroupVersionKind(); kind.Kind == "" || kind.Version == "" {
		return fields{}, fmt.Errorf("judging %s: it has no kind or no apiVersion: take it as the API server sends it", name(o))
	}
	return fields{content: o.Object, problem: new(string)}, nil
}

// check turns the first field that could not be read into an error about o.
func (f fields) check(o *unstructured.Unstructured) error {
	if *f.problem == "" {
		return nil
	}
	return fmt.Errorf("judging %s %s: %s: wait for another field of it, or for its controller to write this one right",
		o.GetKind(), name(o), *f.problem)
}

func name(o *unstructured.Unstructured) string {
	if namespace := o.GetNamespace(); namespace != "" {
		return namespace + "/" + o.GetName()
	}
	return o.GetName()
}

// text is the string at path, or the fallback where nothing is there.
func (f fields) text(path, fallback string) string {
	value, found := f.at(path)
	text, ok := value.(string)
	if !found {
		return fallback
	}
	if !ok {
		f.wrong(path, value, "a string")
	}
	return text
}

// count is the whole number at path, or the fallback where nothing is there.
func (f fields) count(path string, fallback int64) int64 {
	value, found := f.at(path)
	count, ok := value.(int64)
	if !found {
		return fallback
	}
	if !ok {
		f.wrong(path, value, "a whole number")
	}
	return count
}

// list is the maps of the list at path. A list of null is an empty one, as Go programs write it.
func (f fields) list(path string) []fields {
	value, _ := f.at(path)
	if value == nil {
		return nil
	}
	items, ok := value.([]any)
	if !ok {
		f.wrong(path, value, "a list")
	}
	maps := make([]fields, 0, len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		content, ok := item.(map[string]any)
		if !ok {
			f.wrong(at, item, "a map")
		}
		maps = append(maps, fields{content: content, where: f.where + at + ".", problem: f.problem})
	}
	return maps
}

func (f fields) has(path string) bool {
	_, found := f.at(path)
	return found
}

// at is the value at path. On the way to it null is the same as nothing.
func (f fields) at(path string) (any, bool) {
	var value any = f.content
	way := strings.Split(path, ".")
	for i, key := range way {
		if value == nil {
			return nil, false
		}
		parent, ok := value.(map[string]any)
		if !ok {
			f.wrong(strings.Join(way[:i], "."), value, "a map")
			return nil, false
		}
		if value, ok = parent[key]; !ok {
			return nil, false
		}
	}
	return value, true
}

// wrong notes the type of a field, never its value: that may be anything.
func (f fields) wrong(path string, value any, wanted string) {
	if *f.problem == "" {
		*f.problem = fmt.Sprintf("%s%s is %s, not %s", f.where, path, typeName(value), wanted)
	}
}

func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a bool"
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case int64:
		return "a whole number"
	}
	return fmt.Sprintf("a %T", value)
}
