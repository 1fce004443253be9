//go:build apiserver

package api_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	discoveryv1 "k8s.io/api/discovery/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/cert"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/cluster"
)

// unapplied is a root that the real controller could not apply, because of what its message says. It would try again after
// ten minutes.
func unapplied(t *testing.T, live cluster.Client, namespace, manifest, because string) *kustomizev1.Kustomization {
	t.Helper()
	root := nudged(t, live, namespace)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cluster", "object.yaml"), manifest)
	publish(t, live, namespace, dir)
	if err := live.Create(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	until(t, live, root, "refused", func(k *kustomizev1.Kustomization) bool {
		ready := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
		if ready == nil || ready.Reason != meta.ReconciliationFailedReason {
			return false
		}
		if !strings.Contains(ready.Message, because) {
			t.Errorf("refused because of another thing: %s", ready.Message)
		}
		return true
	})
	return root
}

// standsBecauseOf nudges root's tree while happens does; then root stands, and was asked once, because of cause.
func standsBecauseOf(t *testing.T, live cluster.Client, root *kustomizev1.Kustomization, cause string, happens func()) {
	t.Helper()
	ended := startNudging(t, live, root)
	happens()
	until(t, live, root, "applied", func(k *kustomizev1.Kustomization) bool { return k.Status.LastAppliedRevision != "" })
	if told := ended(1); len(told) != 1 || told["Kustomization: "+cause] != 1 {
		t.Errorf("told %v, want once %s", told, cause)
	}
}

// fromYAML reads one of YAML.
func fromYAML(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

const widgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.nudge.example.com}
spec:
  group: nudge.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// Who has an object whose kind comes later is asked in the moment when its definition is established.
func TestNudgeWhenDefinitionIsEstablished(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	const ns = "nudge-crd"
	root := unapplied(t, live, ns, "apiVersion: nudge.example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: "+ns+"}\n",
		`no matches for kind "Widget" in version "nudge.example.com/v1"`)
	standsBecauseOf(t, live, root, "CRD established", func() {
		definition := fromYAML(t, widgets)
		if err := live.Create(t.Context(), definition); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = live.Delete(context.WithoutCancel(t.Context()), definition) })
	})
}

// Who could not be admitted is asked in the moment when the webhook's Service has a ready endpoint.
func TestNudgeWhenWebhookServes(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	const ns = "nudge-hook"
	hook := startHook(t, live, ns)
	hook.vouch(t, live)
	root := unapplied(t, live, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: "+ns+"}\n", `failed calling webhook "`+ns+`.example.com"`)
	standsBecauseOf(t, live, root, "webhook serving", func() {
		hook.serves.Store(true)
		slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "hook", Labels: map[string]string{discoveryv1.LabelServiceName: "hook"}}}
		slice.AddressType, slice.Endpoints = discoveryv1.AddressTypeIPv4, []discoveryv1.Endpoint{{Addresses: []string{"192.0.2.1"}}}
		if err := live.Create(t.Context(), slice); err != nil {
			t.Fatal(err)
		}
	})
}

// Who could not be admitted because nobody vouched for the webhook is asked when its configuration has the CA bundle.
func TestNudgeWhenWebhookIsVouchedFor(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	const ns = "nudge-authority"
	hook := startHook(t, live, ns)
	hook.serves.Store(true)
	root := unapplied(t, live, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: "+ns+"}\n", "x509: ")
	standsBecauseOf(t, live, root, "webhook serving", func() { hook.vouch(t, live) })
}

// hook is an admission webhook that allows everything, of which the API server learns by a Service of the name hook.
type hook struct {
	net.Listener
	serves        atomic.Bool // until then it hangs up
	configuration *unstructured.Unstructured
	authority     []byte
}

func startHook(t *testing.T, live cluster.Client, namespace string) *hook {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey("hook."+namespace+".svc", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(allow))
	h := &hook{Listener: server.Listener, authority: certificate}
	server.Listener, server.TLS = h, &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(h.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// A Service with that name leads the API server to this machine: it takes no endpoint of the loopback.
	service := fromYAML(t, `{apiVersion: v1, kind: Service, metadata: {name: hook, namespace: `+namespace+`}, spec: {type: ExternalName, externalName: localhost}}`)
	h.configuration = fromYAML(t, `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: `+namespace+`}
webhooks:
- name: `+namespace+`.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: `+namespace+`}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
  clientConfig: {service: {namespace: `+namespace+`, name: hook, port: `+port+`}}
`)
	for _, o := range []client.Object{fromYAML(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+namespace+`}}`), service, h.configuration} {
		if err := live.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = live.Delete(context.WithoutCancel(t.Context()), h.configuration) })
	return h
}

// Accept implements net.Listener.
func (h *hook) Accept() (net.Conn, error) {
	for {
		connection, err := h.Listener.Accept()
		if err != nil || h.serves.Load() {
			return connection, err
		}
		_ = connection.Close()
	}
}

// vouch writes the CA bundle, as cert-manager does.
func (h *hook) vouch(t *testing.T, live cluster.Client) {
	t.Helper()
	patch := `[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "` + base64.StdEncoding.EncodeToString(h.authority) + `"}]`
	if err := live.Patch(t.Context(), h.configuration, client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

func allow(w http.ResponseWriter, r *http.Request) {
	var review struct {
		Request struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": map[string]any{"uid": review.Request.UID, "allowed": true},
	})
}
