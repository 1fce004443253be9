//go:build apiserver

package follow_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/test/loopback"
)

// The Deployment, with its own arguments and its ServiceAccount's token: it serves health and metrics, asks for what waits, is
// refused nothing, and gives way to another replica when it is told to end.
func TestDeployment(t *testing.T) {
	live := plant(t, fluxNamespace, fluxNamespace)
	all := newClient(t, admin)
	access, args := ofDeployment(t, all)
	first, metrics := replica(t, access, args)
	until(t, "b is asked for", func() bool { return asked(t, live, fluxNamespace, "b") != "" })
	const nudged = `seed_nudges_total{cause="dependency ready",kind="Kustomization"} 1`
	until(t, "the metric", func() bool { return strings.Contains(get(t, metrics), nudged) })
	if text := get(t, metrics); !strings.Contains(text, "rest_client_requests_total{") {
		t.Errorf("the metrics are\n%s", text)
	}
	leader := holder(t, all)
	second, _ := replica(t, access, args)
	if code := first.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	until(t, "the other one leads", func() bool {
		now := holder(t, all) // which the other one may not know yet: then it could not give the Lease back
		return now != "" && now != leader && strings.Contains(second.stderr.String(), "Successfully acquired lease")
	})
	if code := second.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	if now := holder(t, all); now != "" {
		t.Errorf("the Lease is left to %s", now)
	}
	for _, p := range []*process{first, second} {
		if log := p.stderr.String(); strings.Contains(log, "forbidden") || !strings.Contains(log, `"msg":"seed follows"`) {
			t.Errorf("the log is\n%s", log)
		}
	}
}

// ofDeployment is what the Pod of the rendered Deployment has.
func ofDeployment(t *testing.T, all client.Client) (*rest.Config, []string) {
	t.Helper()
	install(t, all)
	request := &authenticationv1.TokenRequest{}
	serviceAccount := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: fluxNamespace, Name: "seed-follow"}}
	if err := all.SubResource("token").Create(t.Context(), serviceAccount, request); err != nil {
		t.Fatal(err)
	}
	var args []string
	for _, object := range parse(t, os.Getenv("FOLLOW_CHART")) {
		var d appsv1.Deployment
		if object.GetKind() != "Deployment" {
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &d); err != nil {
			t.Fatal(err)
		}
		args = d.Spec.Template.Spec.Containers[0].Args
	}
	if len(args) == 0 || args[0] != "follow" {
		t.Fatalf("the Deployment's arguments are %q", args)
	}
	return &rest.Config{Host: admin.Host, TLSClientConfig: rest.TLSClientConfig{CAData: admin.CAData}, BearerToken: request.Status.Token}, args[1:]
}

// replica starts one, waits for its probes, and returns the address of its metrics.
func replica(t *testing.T, access *rest.Config, args []string) (p *process, metrics string) {
	t.Helper()
	metrics, health := loopback.Address(), loopback.Address()
	p = begin(t, access, append([]string{"--metrics-addr", metrics, "--health-addr", health, "--leader-election-retry-period", "1s"}, args...)...)
	for _, path := range []string{"/healthz", "/readyz"} {
		until(t, path, func() bool { return get(t, health+path) == "ok" })
	}
	return p, metrics + "/metrics"
}

// get is what is served there; an error is its text.
func get(t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Sprint(response.Status, err)
	}
	return string(data)
}

// holder is who has the Lease; empty is nobody.
func holder(t *testing.T, all client.Client) string {
	t.Helper()
	var lease coordinationv1.Lease
	if err := all.Get(t.Context(), client.ObjectKey{Namespace: fluxNamespace, Name: "seed-follow-leader-election"}, &lease); err != nil {
		t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
