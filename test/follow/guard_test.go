//go:build apiserver

package follow_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patches are the client's metric of requests to patch that were let pass.
var patches = regexp.MustCompile(`rest_client_requests_total\{code="200",.*method="PATCH"\} ([0-9]+)`)

// Where the release of the chart has failed before it could bring the policy, the Deployment asks for nothing and says why. When
// the policy comes it asks, without a restart.
func TestDeploymentWithoutThePolicy(t *testing.T) {
	all := newClient(t, admin)
	access, args := ofDeployment(t, all)
	live := plant(t, "unguarded", "main")
	binding := withoutPolicy(t, all)

	p, metrics := replica(t, access, append(args, "--root=unguarded/main"))
	until(t, "it says that it asks for nothing", func() bool { return strings.Contains(p.stderr.String(), `"msg":"nothing is asked for`) })
	until(t, "it has tried twice", func() bool {
		found := patches.FindStringSubmatch(get(t, metrics))
		if found == nil {
			return false
		}
		n, err := strconv.Atoi(found[1])
		return err == nil && n >= 2
	})
	if at := asked(t, live, "unguarded", "b"); at != "" {
		t.Errorf("b was asked for at %s", at)
	}
	if text := get(t, metrics); !strings.Contains(text, "seed_policy_proven 0") || strings.Contains(text, "seed_nudges_total{") {
		t.Errorf("the metrics are\n%s", text)
	}

	if err := all.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	until(t, "b is asked for", func() bool { return asked(t, live, "unguarded", "b") != "" })
	until(t, "the metric", func() bool { return strings.Contains(get(t, metrics), "seed_policy_proven 1") })
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	if log := p.stderr.String(); strings.Count(log, "nothing is asked for") != 1 || !strings.Contains(log, "would let this account set a label") || !strings.Contains(log, "the policy is in force") {
		t.Errorf("the log is\n%s", log)
	}
}

// withoutPolicy takes the binding of the chart's policy away until the test ends, or creates it again.
func withoutPolicy(t *testing.T, all client.Client) *admissionv1.ValidatingAdmissionPolicyBinding {
	t.Helper()
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{}
	if err := all.Get(t.Context(), client.ObjectKey{Name: "seed-follow"}, binding); err != nil {
		t.Fatal(err)
	}
	again := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: binding.Name}, Spec: binding.Spec}
	t.Cleanup(func() {
		if err := all.Create(context.Background(), again.DeepCopy()); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Error(err)
		}
	})
	if err := all.Delete(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	its, b := newClient(t, follower()), &unstructured.Unstructured{}
	b.SetAPIVersion("kustomize.toolkit.fluxcd.io/v1")
	b.SetKind("Kustomization")
	b.SetNamespace("unguarded")
	b.SetName("b")
	until(t, "the policy is out of force", func() bool {
		return its.Patch(t.Context(), b.DeepCopy(), merge(`{"spec":{"suspend":true}}`), client.DryRunAll) == nil
	})
	return again.DeepCopy()
}
