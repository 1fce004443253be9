package kube

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"

	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/status"
	"github.com/tazlab/seed/internal/wait/target"
)

// decide tells whether an object passes a check; nil is one that is not there.
func decide(c target.Check, r kinds.Resource, o *unstructured.Unstructured) target.State {
	if o == nil {
		return target.State{Why: "it is not there"}
	}
	switch c.Word {
	case target.Deleted:
		return target.State{Why: "it is still there" + deletion(o)}
	case target.Condition:
		met, why, err := status.Condition(o, c.Type, c.Status)
		return sound(target.State{Met: met, Why: why}, err)
	case target.Ready:
		return reached(status.Ready(o, r.Status))
	case target.Complete:
		return reached(status.Complete(o))
	}
	if o.GetDeletionTimestamp() != nil {
		return target.State{Why: "it is being deleted" + deletion(o)}
	}
	switch c.Word {
	case target.Key:
		return keys(o, c.Keys)
	case target.JSONPath:
		return path(o, c, isCore(r, "secrets"))
	default: // target.Exists
		return target.State{Met: true, Why: "it is there"}
	}
}

func reached(r status.Result, err error) target.State {
	return sound(target.State{Met: r.State == status.Current, Failed: r.Final && r.State == status.Failed, Why: r.Message}, err)
}

// sound is the state, or the error of an object that is not what its kind should be.
func sound(s target.State, err error) target.State {
	if err != nil {
		return target.State{Why: err.Error()}
	}
	return s
}

func isCore(r kinds.Resource, resources ...string) bool {
	return r.Group == "" && slices.Contains(resources, r.Resource)
}

// outlined tells whether the check needs nothing but metadata of a kind whose content is not this program's business.
func (f *Follower) outlined() bool {
	c := f.Object.Check
	return isCore(f.resource, "secrets", "configmaps") && c.Word != target.Key &&
		(c.Word != target.JSONPath || strings.HasPrefix(c.Path, "{.metadata."))
}

// deletion says what holds an object that is being deleted.
func deletion(o *unstructured.Unstructured) string {
	if o.GetDeletionTimestamp() == nil || len(o.GetFinalizers()) == 0 {
		return ""
	}
	return "; held by the finalizers " + strings.Join(o.GetFinalizers(), ", ")
}

// keys looks for the keys of a Secret or ConfigMap. It never shows a value.
func keys(o *unstructured.Unstructured, want []string) target.State {
	var missing, empty []string
	for _, key := range want {
		found := false
		var value string
		for _, field := range []string{"data", "binaryData"} {
			if text, ok, err := unstructured.NestedString(o.Object, field, key); ok && err == nil {
				found, value = true, text
			}
		}
		switch {
		case !found:
			missing = append(missing, key)
		case value == "":
			empty = append(empty, key)
		}
	}
	var problems []string
	if len(missing) > 0 {
		problems = append(problems, "it is there without the key "+strings.Join(missing, ", "))
	}
	if len(empty) > 0 {
		problems = append(problems, "the value is empty of the key "+strings.Join(empty, ", "))
	}
	if len(problems) > 0 {
		return target.State{Why: strings.Join(problems, "; ")}
	}
	return target.State{Met: true, Why: "it has " + strings.Join(want, ", ")}
}

// path looks for a value. Nothing, null and "" are no values; with a value to compare there must be exactly one.
func path(o *unstructured.Unstructured, c target.Check, hide bool) target.State {
	parser := jsonpath.New("").AllowMissingKeys(true)
	err := parser.Parse(c.Path)
	var sets [][]reflect.Value
	if err == nil {
		sets, err = parser.FindResults(o.Object)
	}
	if err != nil && hide { // the error may quote the value
		return target.State{Why: c.Path + " does not suit what is there"}
	}
	if err != nil { // for example an index beyond the end of a list that may grow
		return target.State{Why: fmt.Sprintf("%s finds nothing: %v", c.Path, err)}
	}
	var values []any
	for _, set := range sets {
		for _, v := range set {
			if v.IsValid() && v.CanInterface() && v.Interface() != nil && v.Interface() != "" {
				values = append(values, v.Interface())
			}
		}
	}
	switch {
	case len(values) == 0:
		return target.State{Why: c.Path + " has no value yet"}
	case c.Value == nil:
		return target.State{Met: true, Why: c.Path + " has a value"}
	case len(values) > 1:
		return target.State{Why: fmt.Sprintf("%s has %d values, and one must be %s", c.Path, len(values), *c.Value)}
	}
	return equals(values[0], c, hide)
}

func equals(value any, c target.Check, hide bool) target.State {
	switch value.(type) {
	case map[string]any, []any:
		return target.State{Why: c.Path + " is a map or a list, which equals no text"}
	}
	text := fmt.Sprint(value)
	switch {
	case text == *c.Value:
		return target.State{Met: true, Why: c.Path + " is as asked for"}
	case hide:
		return target.State{Why: c.Path + " has another value"}
	}
	return target.State{Why: fmt.Sprintf("%s is %.100q, not %q", c.Path, text, *c.Value)}
}
