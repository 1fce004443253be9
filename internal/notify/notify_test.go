package notify_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/notify"
)

var told = notify.Event{
	Kustomization: types.NamespacedName{Namespace: "flux-system", Name: "flux-system"}, Revision: "main@sha1:1", Reason: "TreeStands", Message: "all stand",
}

// receiver answers with each of codes in turn, and with the last one from then on. asked counts.
func receiver(t *testing.T, codes ...int) (server *httptest.Server, asked *atomic.Int32, last *atomic.Pointer[eventv1.Event]) {
	t.Helper()
	asked, last = &atomic.Int32{}, &atomic.Pointer[eventv1.Event]{}
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e eventv1.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v: %v", r.Method, r.URL, r.Header, err)
		}
		last.Store(&e)
		n := int(asked.Add(1))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(codes[min(n, len(codes))-1])
	}))
	t.Cleanup(server.Close)
	return server, asked, last
}

// service has that address.
func service(ip string) client.Client {
	return fake.NewClientBuilder().WithObjects(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "notification-controller"}, Spec: corev1.ServiceSpec{ClusterIP: ip},
	}).Build()
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		codes []int
		asked int32
		err   string
	}{
		"accepted":             {[]int{202}, 1, ""},
		"told already":         {[]int{429}, 1, ""},
		"a trouble that ends":  {[]int{503, 500, 202}, 3, ""},
		"a trouble that stays": {[]int{503}, 3, "it answered 503 Service Unavailable"},
		"not understood":       {[]int{400}, 1, "it answered 400 Bad Request"},
		"another receiver":     {[]int{302}, 1, "it answered 302 Found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, asked, last := receiver(t, test.codes...)
			err := notify.Send(t.Context(), service(""), notify.Address(server.URL+"/"), told)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) || asked.Load() != test.asked {
				t.Errorf("asked %d times: %v", asked.Load(), err)
			}
			e := last.Load()
			if e.InvolvedObject.Kind != "Kustomization" || e.InvolvedObject.Name != "flux-system" || e.Severity != "info" || e.Message != "all stand" ||
				e.Metadata["kustomize.toolkit.fluxcd.io/revision"] != "main@sha1:1" || e.ReportingController != "seed" || e.Timestamp.IsZero() {
				t.Errorf("%+v", e)
			}
		})
	}
}

// The node's DNS knows no name of the cluster: the Service's address is read in the cluster, and dialled without a proxy.
func TestANameOfTheCluster(t *testing.T) {
	t.Parallel()
	server, asked, last := receiver(t, 202)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	failed := told
	failed.Failed, failed.Message = true, strings.Repeat("ü", 50000)
	for _, host := range []string{"notification-controller.flux-system.svc", "notification-controller.flux-system.svc.cluster.local", "notification-controller.flux-system.svc.cluster.local."} {
		if err := notify.Send(t.Context(), service("127.0.0.1"), notify.Address("http://"+host+":"+port+"/"), failed); err != nil {
			t.Error(err)
		}
	}
	if e := last.Load(); asked.Load() != 3 || e.Severity != "error" || len([]rune(e.Message)) != 39000 {
		t.Errorf("asked %d times, %s", asked.Load(), e.Severity)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	server, _, _ := receiver(t, 202)
	server.Close()
	ended, end := context.WithCancel(t.Context())
	end()
	for name, test := range map[string]struct {
		ctx     context.Context
		address string
		service client.Client
		want    string
	}{
		"refused":               {t.Context(), server.URL, service(""), "connection refused (does a NetworkPolicy"},
		"no Service":            {t.Context(), "http://other.flux-system.svc/", service("10.0.0.1"), "looking for the address of Service flux-system/other"},
		"a Service without one": {t.Context(), "http://notification-controller.flux-system.svc/", service("None"), "has no address of its own: name another in --events-addr"},
		"ended":                 {ended, server.URL, service(""), "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := notify.Send(test.ctx, test.service, notify.Address(test.address), told)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "telling notification-controller at http://") {
				t.Error(err)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://notification-controller.flux-system.svc.cluster.local./": "", "https://events.example.com:8443/x": "",
		"http://me:hunter2@events.example.com/": "no place for a credential",
		"notification-controller":               "write a URL", "ftp://x/": "write a URL", "http://": "write a URL", "http://x/?a=b": "write a URL",
		"http://notification-controller.$(RUNTIME_NAMESPACE).svc/": "write a URL", "": "write a URL",
	} {
		var a notify.Address
		err := a.Set(text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) || err == nil && a.String() != text {
			t.Errorf("%q: %q, %v", text, a, err)
		}
	}
}
