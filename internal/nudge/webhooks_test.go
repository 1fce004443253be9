package nudge

import (
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const uncalled = `ConfigMap/apps/m dry-run failed (InternalError): Internal error occurred: failed calling webhook "check.example.com": failed to call webhook: Post "https://hook.hooks.svc:443/check?timeout=10s": `

// slice holds one endpoint of the Service hook.
func slice(address string, isReady *bool, at time.Time) *discoveryv1.EndpointSlice {
	stamp := metav1.NewTime(at)
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "hooks", Name: "hook-" + address, Labels: map[string]string{"kubernetes.io/service-name": "hook"},
			CreationTimestamp: after(-24 * time.Hour), ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kube-controller-manager", Time: &stamp}},
		},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: isReady}}},
	}
}

// failedAt is k with a failure of another time.
func failedAt(k *kustomizev1.Kustomization, at time.Time) *kustomizev1.Kustomization {
	k.Status.Conditions[0].LastTransitionTime = metav1.NewTime(at)
	return k
}

// Who could not be admitted is asked when the webhook's Service has got a ready endpoint, as soon as it may be routed, once.
func TestWebhookServing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	yes, no := true, false
	waits := failed(uncalled + `no endpoints available for service "hook"`)
	f.judge(n, waits)
	expect(t, f, "no endpoint", "")
	if f.watches() != "EndpointSlice" {
		t.Errorf("watched %s", f.watches())
	}
	f.judge(n, waits, slice("10.0.0.1", &no, now.Add(-settle)))
	expect(t, f, "not ready", "")
	f.objects = []client.Object{kustomization("root"), waits, slice("10.0.0.1", &yes, now.Time)}
	if later := n.judge(t.Context()); later == nil {
		t.Error("nobody looks when the Service is routed")
	}
	expect(t, f, "not routed yet", "")
	f.now = now.Add(settle)
	if later := n.judge(t.Context()); later != nil {
		t.Error("looks again for nothing")
	}
	expect(t, f, "ready", "k")
	f.judge(n, failedAt(waits, now.Add(3*time.Second)), slice("10.0.0.1", &yes, now.Time))
	expect(t, f, "failed again", "")
	f.now = now.Add(time.Hour)
	f.judge(n, failedAt(waits, now.Add(59*time.Minute)), slice("10.0.0.1", nil, now.Add(59*time.Minute)))
	expect(t, f, "it went and came back", "k")
	f.judge(n, ready("k", "1"))
	if f.watches() != "" {
		t.Errorf("still watches %s", f.watches())
	}
}

// The endpoint must have come lately, and be one of that Service.
func TestWebhookThatIsNoCause(t *testing.T) {
	t.Parallel()
	yes := true
	for name, test := range map[string]struct {
		waits client.Object
		slice *discoveryv1.EndpointSlice
		want  string
	}{
		"refused":                      {failed(uncalled + "dial tcp 10.96.1.2:443: connect: connection refused"), slice("10.0.0.1", &yes, now.Time), "k"},
		"timed out":                    {failed(uncalled + "context deadline exceeded"), slice("10.0.0.1", &yes, now.Add(-29*time.Second)), "k"},
		"there all the time":           {failed(uncalled + "context deadline exceeded"), slice("10.0.0.1", &yes, now.Add(-time.Minute)), ""},
		"another Service":              {failed(uncalled + "EOF"), change(slice("10.0.0.1", &yes, now.Time), func(s *discoveryv1.EndpointSlice) { s.Labels["kubernetes.io/service-name"] = "other" }), ""},
		"another namespace":            {failed(uncalled + "EOF"), change(slice("10.0.0.1", &yes, now.Time), func(s *discoveryv1.EndpointSlice) { s.Namespace = "other" }), ""},
		"a webhook without a Service":  {failed(`failed calling webhook "x": failed to call webhook: Post "https://hook.example.com/": EOF`), slice("10.0.0.1", &yes, now.Time), ""},
		"the webhook denied it":        {failed(`admission webhook "check.example.com" denied the request: no`), slice("10.0.0.1", &yes, now.Time), ""},
		"two webhooks, one not served": {failed(uncalled + "EOF; failed calling webhook \"y\": failed to call webhook: Post \"https://other.hooks.svc:443/?timeout=10s\": EOF"), slice("10.0.0.1", &yes, now.Time), ""},
		"its authority is unknown":     {failed(uncalled + "tls: failed to verify certificate: x509: certificate signed by unknown authority"), slice("10.0.0.1", &yes, now.Time), ""},
	} {
		f := newFake(t)
		f.now = now.Add(settle)
		f.judge(f.nudger(), test.waits, test.slice)
		expect(t, f, name, test.want)
	}
}

// A webhook whose certificate nobody vouched for is asked for when its configuration has got the CA bundle.
func TestWebhookAuthority(t *testing.T) {
	t.Parallel()
	waits := failed(uncalled + "tls: failed to verify certificate: x509: certificate signed by unknown authority")
	for name, test := range map[string]struct {
		webhook, bundle string
		at              time.Time
		want            string
		reads           int
	}{
		"written":          {"check.example.com", "Y2E=", now.Time, "k", 1},
		"written long ago": {"check.example.com", "Y2E=", now.Add(-time.Minute), "", 0},
		"not yet":          {"check.example.com", "", now.Time, "", 1},
		"another webhook":  {"other.example.com", "Y2E=", now.Time, "", 1},
	} {
		f := newFake(t)
		n := f.nudger()
		kind := schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "MutatingWebhookConfiguration"}
		whole := &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "hook", "resourceVersion": "3"},
			"webhooks": []any{map[string]any{"name": test.webhook, "clientConfig": map[string]any{"caBundle": test.bundle}}},
		}}
		whole.SetGroupVersionKind(kind)
		f.served = []*unstructured.Unstructured{whole}
		stamp := metav1.NewTime(test.at)
		m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name: "hook", UID: "hook", ResourceVersion: "3", Generation: 2, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "cainjector", Time: &stamp}},
		}}
		m.SetGroupVersionKind(kind)
		f.judge(n, waits, m)
		f.judge(n, waits, m)
		expect(t, f, name, test.want)
		if f.reads != test.reads || f.watches() != "MutatingWebhookConfiguration ValidatingWebhookConfiguration" {
			t.Errorf("%s: %d reads, watches %s", name, f.reads, f.watches())
		}
	}
}
