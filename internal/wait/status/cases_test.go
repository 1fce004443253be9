package status_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// testcase is an item of testdata/*.yaml. Each state may be "error".
type testcase struct {
	Name string `json:"name"`
	// Ready is the state by Ready without a status subresource.
	Ready string `json:"ready"`
	// KStatus is the state by kstatus, Written by Ready with a status subresource, where they are not Ready.
	KStatus string `json:"kstatus"`
	Written string `json:"written"`
	// Because names the deviation from kstatus, as in the comment of Ready.
	Because string `json:"because"`
	// Complete is the state by Complete, for Jobs.
	Complete string `json:"complete"`
	Final    bool   `json:"final"`
	// Says is a part of the message, or of the error, of Ready: with a status subresource where there is Written.
	Says   string          `json:"says"`
	Object json.RawMessage `json:"object"`
}

func (c testcase) object(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(c.Object); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return object
}

func cases(t *testing.T) []testcase {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	var all []testcase
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		asJSON, err := yaml.YAMLToJSON(content)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var some []testcase
		decoder := json.NewDecoder(bytes.NewReader(asJSON)) // yaml's own strict way refuses what a merge overrides
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&some); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, some...)
	}
	return all
}

// kstatus is what kstatus says of object. It panics about some objects of a strange shape.
func kstatus(object *unstructured.Unstructured) (state string) {
	defer func() {
		if recover() != nil {
			state = "error"
		}
	}()
	result, err := status.Compute(object.DeepCopy())
	if err != nil {
		return "error"
	}
	return string(result.Status)
}
