package nudge

import (
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

const (
	// In the words of kustomize-controller.
	noWidget = `Widget/apps/w dry-run failed: no matches for kind "Widget" in version "example.com/v1"`
	// In those of helm-controller.
	noTwo = `Helm install failed for release apps/r with chart r@1.0.0: unable to build kubernetes objects from release manifest: ` +
		`[resource mapping not found for name: "w" namespace: "apps" from "": no matches for kind "Widget" in version "example.com/v1"` + "\nensure CRDs are installed first, " +
		`resource mapping not found for name: "g" namespace: "apps" from "": no matches for kind "Gadget" in version "example.com/v1"` + "\nensure CRDs are installed first]"
)

// crd is a definition as it is watched, and as it is read.
func crd(plural, kind string, established bool, at time.Time) (*metav1.PartialObjectMetadata, *unstructured.Unstructured) {
	name, version, status := plural+".example.com", "not established", "False"
	if established {
		version, status = "established", "True"
	}
	whole := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": name, "resourceVersion": version},
		"spec": map[string]any{"names": map[string]any{"kind": kind}, "versions": []any{
			map[string]any{"name": "v1alpha1", "served": false}, map[string]any{"name": "v1", "served": true},
		}},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": status}}},
	}}
	whole.SetGroupVersionKind(live.Definitions.Kind)
	stamp := metav1.NewTime(at)
	m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: name, UID: types.UID(name), ResourceVersion: version, Generation: 1, CreationTimestamp: after(-24 * time.Hour),
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kube-apiserver", Time: &stamp}, {Manager: "old"}},
	}}
	m.SetGroupVersionKind(live.Definitions.Kind)
	return m, whole
}

// withCRDs is a cluster with these definitions too.
func (f *fake) withCRDs(definitions ...func() (*metav1.PartialObjectMetadata, *unstructured.Unstructured)) []client.Object {
	f.served = nil
	var all []client.Object
	for _, d := range definitions {
		m, whole := d()
		all, f.served = append(all, m), append(f.served, whole)
	}
	return all
}

func failedRelease(reason, message string) *helmv2.HelmRelease {
	r := says(&helmv2.HelmRelease{ObjectMeta: metadata("r")}, meta.ReadyCondition, metav1.ConditionFalse, reason, message)
	return says(r, meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, "Running 'install' action with timeout of 5m0s")
}

// Who lacks a kind is asked when its definition is established, once; all others of the group are read when they change.
func TestDefinitionEstablished(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	has := func(plural, kind string, established bool) func() (*metav1.PartialObjectMetadata, *unstructured.Unstructured) {
		return func() (*metav1.PartialObjectMetadata, *unstructured.Unstructured) {
			return crd(plural, kind, established, now.Time)
		}
	}
	root := brings(kustomization("root"), "helm.toolkit.fluxcd.io_HelmRelease")
	judge := func(when, want string, reads int, definitions ...func() (*metav1.PartialObjectMetadata, *unstructured.Unstructured)) {
		t.Helper()
		f.reads = 0
		f.judge(n, append(f.withCRDs(definitions...), root, failed(noWidget), failedRelease(helmv2.InstallFailedReason, noTwo))...)
		expect(t, f, when, want)
		if f.reads != reads {
			t.Errorf("%s: %d reads, want %d", when, f.reads, reads)
		}
	}
	other := has("others", "Other", true)
	judge("no definition", "", 0)
	judge("another one of the group", "", 1, other)
	judge("it is not established", "", 1, other, has("widgets", "Widget", false))
	judge("it is established", "k", 1, other, has("widgets", "Widget", true))
	judge("nothing is new", "", 0, other, has("widgets", "Widget", true))
	judge("the other that the release lacks, with a plural of its own", "r", 1, other, has("gadgetry", "Gadget", true), has("widgets", "Widget", true))
	judge("nothing is new", "", 0, other, has("gadgetry", "Gadget", true), has("widgets", "Widget", true))
	if f.told["Kustomization: CRD established"] != 1 || f.told["HelmRelease: CRD established"] != 1 {
		t.Errorf("told %v", f.told)
	}
	f.judge(n, ready("k", "1"))
	if f.watches() != "" || len(n.definitions) > 0 {
		t.Errorf("still watches %s, and remembers %v", f.watches(), n.definitions)
	}
}

// What was there long before, or is not what is missing, is no cause.
func TestDefinitionThatIsNoCause(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		object   client.Object
		at       time.Time
		plural   string
		kind     string
		expected string
	}{
		"just before the failure was told": {failed(noWidget), now.Add(-2 * time.Second), "widgets", "Widget", "k"},
		"long before":                      {failed(noWidget), now.Add(-time.Minute), "widgets", "Widget", ""},
		"another kind":                     {failed(noWidget), now.Time, "widgets", "Gadget", ""},
		"another version":                  {failed(`no matches for kind "Widget" in version "example.com/v1alpha1"`), now.Time, "widgets", "Widget", ""},
		"another group":                    {failed(`no matches for kind "Widget" in version "other.example.com/v1"`), now.Time, "widgets", "Widget", ""},
		"another failure":                  {failed(`Widget/apps/w dry-run failed (Invalid): spec: Required value`), now.Time, "widgets", "Widget", ""},
		"a dependency":                     {says(kustomization("k"), meta.ReadyCondition, metav1.ConditionFalse, meta.HealthCheckFailedReason, noWidget), now.Time, "widgets", "Widget", ""},
		"given up":                         {says(failed(noWidget), meta.StalledCondition, metav1.ConditionTrue, "X", ""), now.Time, "widgets", "Widget", ""},
	} {
		f := newFake(t)
		n := f.nudger()
		definitions := f.withCRDs(func() (*metav1.PartialObjectMetadata, *unstructured.Unstructured) {
			return crd(test.plural, test.kind, true, test.at)
		})
		f.judge(n, append(definitions, test.object)...)
		expect(t, f, name, test.expected)
	}
}
