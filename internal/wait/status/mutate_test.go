package status_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tazlab/seed/internal/wait/status"
)

// values are put in the place of each field of each case: all types, and words and numbers that rules look for.
var values = []any{
	nil, true, 1.5, map[string]any{}, []any{}, []any{nil}, []any{"x"}, []any{map[string]any{}}, map[string]any{"x": nil},
	int64(-1), int64(0), int64(1), int64(2), int64(4), int64(1) << 40,
	"", "x", "True", "False", "true", "Unknown", "Ready", "Complete", "Failed", "Running", "Established", "OnDelete",
}

// A change is made to a map or a list at a place in it.
type change func(parent any, place any)

// changes are made one at a time, and in random pairs.
func changes() []change {
	all := []change{drop, double}
	for _, value := range values {
		all = append(all, func(parent, place any) { put(parent, place, runtime.DeepCopyJSONValue(value)) })
	}
	return all
}

func TestNoChangedObjectIsCurrentAgainstKstatus(t *testing.T) {
	t.Parallel()
	judged, current := 0, 0
	for _, c := range cases(t) {
		original := c.object(t)
		for i := range places(original.Object) {
			for _, apply := range changes() {
				object := original.DeepCopy()
				at := places(object.Object)[i]
				apply(at.parent, at.key)
				judged++
				if hold(t, c.Name, object) {
					current++
				}
			}
		}
	}
	if current < 1000 || judged-current < 1000 {
		t.Errorf("of %d objects %d are Current: that proves nothing", judged, current)
	}
}

func TestNoObjectChangedTwiceIsCurrentAgainstKstatus(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) // the same objects each time
	all, current := changes(), 0
	for _, c := range cases(t) {
		original := c.object(t)
		for range 300 {
			object := original.DeepCopy()
			for range 2 {
				open := places(object.Object)
				at := open[random.IntN(len(open))]
				all[random.IntN(len(all))](at.parent, at.key)
			}
			if hold(t, c.Name, object) {
				current++
			}
		}
	}
	if current < 1000 {
		t.Errorf("only %d objects are Current: that proves nothing", current)
	}
}

// hold checks what must be true of any object, and reports whether it is Current.
func hold(t *testing.T, name string, object *unstructured.Unstructured) bool {
	t.Helper()
	fail := func(what ...any) {
		content, _ := json.Marshal(object.Object)
		t.Fatal(append([]any{name, string(content)}, what...)...)
	}
	defer func() {
		if problem := recover(); problem != nil {
			fail("panics:", problem)
		}
	}()
	plain, written, theirs := state(status.Ready(object, false)), state(status.Ready(object, true)), kstatus(object)
	if plain == "Current" && theirs != "Current" || written == "Current" && plain != "Current" {
		fail("is Current; kstatus:", theirs, "without a status subresource:", plain)
	}
	if plain != theirs && plain != "error" && !mayDiffer(object) {
		fail("is", plain, "and not", theirs)
	}
	if state(status.Complete(object)) == "Current" && (!has(object, "Complete") || has(object, "Failed") || has(object, "FailureTarget")) {
		fail("is complete")
	}
	if met, says, err := status.Condition(object, "ready", ""); err != nil || says == "" || met && !kubectl(object, "Ready", "True") {
		fail("has the condition:", met, says, err)
	}
	return plain == "Current"
}

// mayDiffer: the kinds of which the deviations speak.
func mayDiffer(object *unstructured.Unstructured) bool {
	kind := object.GroupVersionKind().GroupKind().String()
	return kind == "Job.batch" || kind == "Pod" || hasCondition(object, func(condition map[string]any) bool { return condition["type"] == "Ready" })
}

func has(object *unstructured.Unstructured, kind string) bool {
	return hasCondition(object, func(condition map[string]any) bool { return condition["type"] == kind && condition["status"] == "True" })
}

func hasCondition(object *unstructured.Unstructured, wanted func(map[string]any) bool) bool {
	list, _, _ := unstructured.NestedFieldNoCopy(object.Object, "status", "conditions")
	conditions, _ := list.([]any)
	return slices.ContainsFunc(conditions, func(item any) bool {
		condition, _ := item.(map[string]any)
		return wanted(condition)
	})
}

// kubectl holds the rule of kubectl wait against an object of any shape.
func kubectl(object *unstructured.Unstructured, kind, wanted string) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		condition, _ := item.(map[string]any)
		itsKind, _, _ := unstructured.NestedString(condition, "type")
		itsStatus, found, err := unstructured.NestedString(condition, "status")
		if !strings.EqualFold(itsKind, kind) || !found || err != nil {
			continue
		}
		observed, found, _ := unstructured.NestedInt64(condition, "observedGeneration")
		if !found {
			observed, found, _ = unstructured.NestedInt64(object.Object, "status", "observedGeneration")
		}
		if found && observed < object.GetGeneration() {
			return false
		}
		return strings.EqualFold(itsStatus, wanted)
	}
	return false
}

// place is where a value stands: a key of a map or an index of a list.
type place struct{ parent, key any }

// places are all in value, in an order that is the same for equal values.
func places(value any) []place {
	var all []place
	switch parent := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(parent))
		for key := range parent {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			all = append(append(all, place{parent, key}), places(parent[key])...)
		}
	case []any:
		for i := range parent {
			all = append(append(all, place{parent, i}), places(parent[i])...)
		}
	}
	return all
}

func put(parent, key, value any) {
	switch parent := parent.(type) {
	case map[string]any:
		parent[key.(string)] = value
	case []any:
		parent[key.(int)] = value
	}
}

func drop(parent, key any) {
	if parent, ok := parent.(map[string]any); ok {
		delete(parent, key.(string))
		return
	}
	put(parent, key, nil)
}

// double reverses a list and puts it behind itself: each condition is there twice, with the last first.
func double(parent, key any) {
	var list []any
	switch parent := parent.(type) {
	case map[string]any:
		list, _ = parent[key.(string)].([]any)
	case []any:
		list, _ = parent[key.(int)].([]any)
	}
	if list == nil {
		return
	}
	reversed := runtime.DeepCopyJSONValue(list).([]any)
	slices.Reverse(reversed)
	put(parent, key, append(reversed, list...))
}
