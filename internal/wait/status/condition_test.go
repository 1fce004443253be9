package status_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/wait/status"
)

func TestCondition(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		object, kind, status string
		met                  bool
		says                 string
	}{
		"met": {
			object: `{"status":{"conditions":[{"type":"Synced","status":"False"},{"type":"Ready","status":"True","reason":"SecretSynced","message":"secret synced"}]}}`,
			met:    true, says: "condition Ready is True: SecretSynced: secret synced",
		},
		"letter case": {
			object: `{"status":{"conditions":[{"type":"Ready","status":"true"}]}}`, kind: "READY", status: "tRUE",
			met: true, says: "condition Ready is true",
		},
		"another status is wanted": {
			object: `{"status":{"conditions":[{"type":"Ready","status":"False","reason":"Gone"}]}}`, status: "False",
			met: true, says: "condition Ready is False: Gone",
		},
		"not met": {
			object: `{"status":{"conditions":[{"type":"Ready","status":"False","reason":"SecretSyncedError","message":"could not\n get secret"}]}}`,
			says:   "condition Ready is False: SecretSyncedError: could not get secret",
		},
		"unknown": {
			object: `{"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}`,
			says:   "condition Ready is Unknown",
		},
		"the first of a type counts": {
			object: `{"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"ready","status":"True"}]}}`,
			says:   "condition Ready is False",
		},
		"a longer name": {
			object: `{"status":{"conditions":[{"type":"ReadyToStart","status":"True"}]}}`,
			says:   "no condition Ready yet; it has ReadyToStart=True",
		},
		"no such condition": {
			object: `{"status":{"conditions":[{"type":"Synced","status":"True"},{"type":"Healthy","status":"False"}]}}`,
			says:   "no condition Ready yet; it has Synced=True, Healthy=False",
		},
		"no status":       {object: `{}`, says: "no condition Ready yet; it has none at all"},
		"null status":     {object: `{"status":null}`, says: "no condition Ready yet; it has none at all"},
		"empty status":    {object: `{"status":{}}`, says: "no condition Ready yet; it has none at all"},
		"null conditions": {object: `{"status":{"conditions":null}}`, says: "no condition Ready yet; it has none at all"},
		"no conditions":   {object: `{"status":{"conditions":[]}}`, says: "no condition Ready yet; it has none at all"},

		"seen, says the condition": {
			object: `{"metadata":{"generation":3},"status":{"observedGeneration":2,"conditions":[{"type":"Ready","status":"True","observedGeneration":3}]}}`,
			met:    true, says: "condition Ready is True",
		},
		"seen, says the status": {
			object: `{"metadata":{"generation":3},"status":{"observedGeneration":3,"conditions":[{"type":"Ready","status":"True"}]}}`,
			met:    true, says: "condition Ready is True",
		},
		"a newer generation was seen": {
			object: `{"metadata":{"generation":3},"status":{"observedGeneration":4,"conditions":[{"type":"Ready","status":"True"}]}}`,
			met:    true, says: "condition Ready is True",
		},
		"stale, says the condition": {
			object: `{"metadata":{"generation":3},"status":{"observedGeneration":3,"conditions":[{"type":"Ready","status":"True","observedGeneration":2}]}}`,
			says:   "condition Ready is True, but stale: generation 3, observed 2",
		},
		"stale, says the status": {
			object: `{"metadata":{"generation":3},"status":{"observedGeneration":2,"conditions":[{"type":"Ready","status":"True"}]}}`,
			says:   "condition Ready is True, but stale: generation 3, observed 2",
		},
		"stale, and waited for as False": {
			object: `{"metadata":{"generation":3},"status":{"observedGeneration":2,"conditions":[{"type":"Ready","status":"False"}]}}`, status: "False",
			says: "condition Ready is False, but stale: generation 3, observed 2",
		},
		"nobody says what was seen": {
			object: `{"metadata":{"generation":3},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`,
			met:    true, says: "condition Ready is True",
		},
		"it is being deleted": {
			object: `{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`,
			met:    true, says: "condition Ready is True",
		},

		"status is no map":       {object: `{"status":"True"}`, says: "status is a string, not a map"},
		"conditions are no list": {object: `{"status":{"conditions":{"Ready":"True"}}}`, says: "status.conditions is a map, not a list"},
		"a condition is no map": {
			object: `{"status":{"conditions":["Ready",{"type":"Ready","status":"True"}]}}`,
			says:   "status.conditions[0] is a string, not a map",
		},
		"a type is no string": {
			object: `{"status":{"conditions":[{"type":5,"status":"True"}]}}`,
			says:   "status.conditions[0].type is a whole number, not a string",
		},
		"a status is no string": {
			object: `{"status":{"conditions":[{"type":"Ready","status":true}]}}`,
			says:   "status.conditions[0].status is a bool, not a string",
		},
		"an empty status": {object: `{"status":{"conditions":[{"type":"Ready"}]}}`, says: "condition Ready is without a status"},
		"a generation is no number": {
			object: `{"metadata":{"generation":"3"},"status":{"observedGeneration":3,"conditions":[{"type":"Ready","status":"True"}]}}`,
			says:   "metadata.generation is a string, not a whole number",
		},
		"an observed generation is no number": {
			object: `{"metadata":{"generation":3},"status":{"conditions":[{"type":"Ready","status":"True","observedGeneration":"3"}]}}`,
			says:   "status.conditions[0].observedGeneration is a string, not a whole number",
		},
	} {
		kind := c.kind
		if kind == "" {
			kind = "Ready"
		}
		met, says, err := status.Condition(parse(t, c.object), kind, c.status)
		if met != c.met || says != c.says || err != nil {
			t.Errorf("%s: got %v, %q, %v, want %v, %q", name, met, says, err, c.met, c.says)
		}
	}
}

func TestConditionOfNothingIsAnError(t *testing.T) {
	t.Parallel()
	if met, _, err := status.Condition(nil, "Ready", "True"); met || err == nil {
		t.Error("nil has a condition")
	}
	if met, _, err := status.Condition(parse(t, `{"status":{"conditions":[{"type":"","status":"True"}]}}`), "", "True"); met || err == nil {
		t.Error("a condition without a type is met")
	}
}

// parse fills in what an object must have to be decoded.
func parse(t *testing.T, content string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	whole := `{"apiVersion":"example.com/v1","kind":"Thing"` + map[bool]string{true: "", false: ","}[content == "{}"] + content[1:]
	if err := object.UnmarshalJSON([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	return object
}
