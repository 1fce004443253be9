package live

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fill sets everything that object points to: each list and each map gets one element.
func fill(object any) { fillValue(reflect.ValueOf(object).Elem()) }

func fillValue(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[metav1.Time]():
		v.Set(reflect.ValueOf(metav1.NewTime(time.Unix(1, 0))))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem())
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fillValue(field)
			}
		}
	case v.Type() == reflect.TypeFor[[]byte](), v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte("1")) // which is JSON, too
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillValue(v.Index(0))
	case v.Kind() == reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillValue(key)
		fillValue(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.CanFloat():
		v.SetFloat(1)
	}
}

// leaves are the paths of what is set in object, as its JSON spells them, sorted; a list's elements have one path.
func leaves(t *testing.T, object any) []string {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	var walk func(path string, at any)
	walk = func(path string, at any) {
		switch at := at.(type) {
		case map[string]any:
			for name, value := range at {
				walk(path+"."+name, value)
			}
		case []any:
			for _, value := range at {
				walk(path, value)
			}
		default:
			if !slices.Contains([]any{nil, "", "0", "0s", false, float64(0)}, at) { // fields that are written always
				found[strings.TrimPrefix(path, ".")] = true
			}
		}
	}
	walk("", tree)
	return slices.Sorted(maps.Keys(found))
}
