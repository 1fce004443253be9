package status

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Condition reports whether o has the condition wantType with the status wantStatus ("True" if empty), by the rules of
// kubectl wait, https://kubernetes.io/docs/reference/kubectl/generated/kubectl_wait/: letter case does not matter, the
// first condition of the type counts, and one that was observed at an older generation than the object's is not met;
// the condition's own observedGeneration goes before that of the status. Being deleted does not matter.
//
// A field of a wrong type is not met, with a message that names it, where kubectl passes over some. The message is one
// line and without the object's name. The error is for a call without an object or without a type.
func Condition(o *unstructured.Unstructured, wantType, wantStatus string) (met bool, message string, err error) {
	if o == nil || wantType == "" {
		return false, "", errors.New("judging a condition: there is no object or no type of a condition")
	}
	if wantStatus == "" {
		wantStatus = "True"
	}
	object := fields{content: o.Object, problem: new(string)}
	met, message = meets(object, wantType, wantStatus)
	if *object.problem != "" {
		return false, *object.problem, nil
	}
	return met, message, nil
}

func meets(o fields, wantType, wantStatus string) (bool, string) {
	var others []string
	for _, f := range o.list("status.conditions") {
		if kind := f.text("type", ""); !strings.EqualFold(kind, wantType) {
			others = append(others, kind+"="+f.text("status", ""))
			continue
		}
		c, generation := read(f), o.count("metadata.generation", 0)
		observed := f.count("observedGeneration", o.count("status.observedGeneration", generation))
		if observed < generation {
			return false, fmt.Sprintf("condition %s is %s, but stale: %s", c.kind, c.status, stale(generation, observed))
		}
		return strings.EqualFold(c.status, wantStatus), c.String()
	}
	if len(others) == 0 {
		return false, fmt.Sprintf("no condition %s yet; it has none at all", wantType)
	}
	return false, fmt.Sprintf("no condition %s yet; it has %s", wantType, strings.Join(others, ", "))
}
