//go:build apiserver

package api_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

const first, second set.Set = "1111111111", "2222222222" // made in the same second, the second counts as newer

// letGoWorld has a tree whose Flux is one ConfigMap.
func letGoWorld(t *testing.T, ns string) *world {
	t.Helper()
	return newWorld(t, ns, map[string]string{"cluster/flux.yaml": configMap("flux", partOfFlux)})
}

// letGone fails the test unless a set has nothing left but what may stay.
func letGone(t *testing.T, s set.Set, carried string) {
	t.Helper()
	if binding := get(t, &rbacv1.ClusterRoleBinding{}, s.Name()); len(binding.Subjects) > 0 {
		t.Errorf("ClusterRoleBinding %s has the subjects %v", s.Name(), binding.Subjects)
	}
	if secret := get(t, &corev1.Secret{}, s.Carried(carried)); len(secret.Data) > 0 {
		t.Errorf("Secret %s is not empty", secret.Name)
	}
	if secret := get(t, &corev1.Secret{}, s.PullSecret()); string(secret.Data[corev1.DockerConfigJsonKey]) != `{"auths":{}}` {
		t.Errorf("the pull Secret was changed")
	}
	for name, object := range map[string]client.Object{"Role": &rbacv1.Role{}, "RoleBinding": &rbacv1.RoleBinding{}, "ConfigMap": &corev1.ConfigMap{}, "Job": &batchv1.Job{}} {
		if err := allKinds(t).Get(t.Context(), apitypes.NamespacedName{Namespace: set.Namespace, Name: s.Name()}, object); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := newClient(t, seedAccess(t)).List(t.Context(), &corev1.SecretList{}, client.InNamespace(set.Namespace))
	if !apierrors.IsForbidden(err) {
		t.Errorf("listing Secrets as seed: %v, want that it may not", err)
	}
}

// gone fails the test unless nothing of a set is there.
func gone(t *testing.T, s set.Set, identity *corev1.Secret) {
	t.Helper()
	for _, o := range brought(s, identity) {
		if err := allKinds(t).Get(t.Context(), client.ObjectKeyFromObject(o), o); !apierrors.IsNotFound(err) {
			t.Errorf("%T %s is still there: %v", o, o.GetName(), err)
		}
	}
}

// The life of a cluster, told by seed's binary: a birth, a run when its Job comes back, a new set with a new identity.
func TestLetGo(t *testing.T) {
	w := letGoWorld(t, "letgo")
	bundle := w.spell(rootSync)
	w.inline(t, first, w.identity())

	birth := w.start(t, first, "seed-birth", bundle)
	w.stand(t)
	if code, message := birth.end(t); code != 0 || !strings.Contains(message, "seed: Flux is planted at latest@sha256:") {
		t.Fatalf("the birth ended with %d, %q", code, message)
	}
	letGone(t, first, w.identity().Name)
	record := recorded(t)
	if record.Ended.IsZero() || record.Set != string(first) || record.Revision == "" || len(record.Units) != 1 {
		t.Errorf("the record is %+v", record)
	}
	if lease := get(t, &coordinationv1.Lease{}, set.Lease); lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity != "" {
		t.Errorf("the Lease is still held by %s", *lease.Spec.HolderIdentity)
	}

	again := w.start(t, first, "seed-again", bundle)
	if code, message := again.end(t); code != 0 || !strings.Contains(message, "the birth has ended at ") || !strings.Contains(message, "Flux is planted at "+record.Revision+"; all 1 Kustomizations are Ready") {
		t.Errorf("the run without rights ended with %d, %q", code, message)
	}
	if read := again.requests.requested("GET /api/v1/"); !slices.Equal(read, []string{"GET /api/v1/namespaces/seed-system/configmaps/seed-report"}) {
		t.Errorf("the run without rights read %q", read)
	}
	if written := again.requests.requested("PUT", "PATCH", "DELETE", "POST"); !slices.Equal(written, []string{"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}) {
		t.Errorf("the run without rights wrote %q", written)
	}

	renewed := w.identity()
	renewed.Data["more"] = []byte("new")
	w.inline(t, second, renewed)
	if code, message := w.start(t, second, "seed-renewed", bundle).end(t); code != 0 || !strings.Contains(message, "Flux reconciles the tree already") {
		t.Errorf("the run of the new set ended with %d, %q", code, message)
	}
	gone(t, first, w.identity())
	letGone(t, second, w.identity().Name)
	var copied corev1.Secret
	if err := w.live.Get(t.Context(), apitypes.NamespacedName{Namespace: w.ns, Name: renewed.Name}, &copied); err != nil || string(copied.Data["more"]) != "new" {
		t.Errorf("the copy of the carried Secret holds %q, %v", copied.Data, err)
	}
	if now := recorded(t); !now.Ended.Equal(record.Ended) || now.Set != string(first) {
		t.Errorf("the record of the birth was replaced by %+v", now)
	}
}

func recorded(t *testing.T) *report.Report {
	t.Helper()
	r, err := report.Load(t.Context(), newClient(t, admin))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Two Pods at once: one plants, the other says whom it waits for, and finds it done.
func TestTwoRunsAtOnce(t *testing.T) {
	w := letGoWorld(t, "letgo-two")
	bundle := w.spell(rootSync)
	w.inline(t, first, w.identity())
	one := w.start(t, first, "seed-one", bundle)
	one.requests.until(t, one, "POST /api/v1/namespaces/seed-system/configmaps", 1) // it has planted
	two := w.start(t, first, "seed-two", bundle)
	two.requests.until(t, two, "GET /api/v1/namespaces/seed-system/pods/seed-one", 2)
	if message, err := os.ReadFile(two.termination); err != nil || !strings.Contains(string(message), "Pod seed-one") {
		t.Errorf("while it waits its termination message is %q, %v", message, err)
	}
	w.stand(t)
	if code, message := one.end(t); code != 0 || !strings.Contains(message, "Flux is planted at") {
		t.Errorf("the first ended with %d, %q", code, message)
	}
	if code, message := two.end(t); code != 0 || !strings.Contains(message, "has ended at") && !strings.Contains(message, "Flux reconciles the tree already") {
		t.Errorf("the second ended with %d, %q", code, message)
	}
	if !strings.Contains(two.stderr.String(), "holder=seed-one") {
		t.Error("the log of the second does not name the first")
	}
	if written := two.requests.requested("PATCH /apis/source", "PATCH /apis/kustomize", "POST /api/v1/namespaces/"+w.ns); len(written) > 0 {
		t.Errorf("the second wrote %q", written)
	}
	letGone(t, first, w.identity().Name)
}

// The Lease of a Pod that is gone is no reason to wait, however long it says that it is valid.
func TestADeadHolderCostsNothing(t *testing.T) {
	w := letGoWorld(t, "letgo-dead")
	w.inline(t, first, w.identity())
	now := metav1.NowMicro()
	dead := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: set.Lease}, Spec: coordinationv1.LeaseSpec{
		HolderIdentity: new("seed-dead"), LeaseDurationSeconds: new(int32(3600)), AcquireTime: &now, RenewTime: &now,
	}}
	if err := allKinds(t).Create(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	p := w.start(t, first, "seed-alive", w.spell(rootSync))
	w.stand(t)
	if code, message := p.end(t); code != 0 {
		t.Errorf("it ended with %d, %q", code, message)
	}
}

// Without rights and without the record of a birth that has ended, seed says what to do, where its small Role lets it.
func TestNoRightsAndNoRecord(t *testing.T) {
	for name, test := range map[string]struct {
		record map[string]string // nil is none
		want   string
	}{
		"none":       {nil, "no birth has ended here yet"},
		"not ended":  {map[string]string{"report.json": "{}"}, "no birth has ended here yet"},
		"unreadable": {map[string]string{"report.json": "x"}, "it holds no report that seed can read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := letGoWorld(t, "letgo-none")
			w.inline(t, first, w.identity())
			binding := get(t, &rbacv1.ClusterRoleBinding{}, first.Name())
			binding.Subjects = nil
			if err := allKinds(t).Update(t.Context(), binding); err != nil {
				t.Fatal(err)
			}
			if test.record != nil {
				err := w.live.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: report.ConfigMap}, Data: test.record})
				if err != nil {
					t.Fatal(err)
				}
			}
			pod := "seed-none-" + strings.ReplaceAll(name, " ", "-")
			p := w.start(t, first, pod, w.spell(rootSync))
			p.requests.until(t, p, "POST /api/v1/namespaces/seed-system/events", 1)
			if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			code, message := p.end(t)
			if code != 1 || !strings.Contains(message, test.want) || !strings.Contains(message, "are the subjects of ClusterRoleBinding seed-1111111111 there? If not, render the inline manifest anew") {
				t.Errorf("it ended with %d, %q", code, message)
			}
			if told := eventsOf(t, w, pod); len(told) != 1 || !strings.Contains(told[0], "Retrying: seed has no rights") || !strings.Contains(told[0], test.want) {
				t.Errorf("Events %q", told)
			}
		})
	}
}

func eventsOf(t *testing.T, w *world, pod string) []string {
	t.Helper()
	var events corev1.EventList
	if err := w.live.List(t.Context(), &events, client.InNamespace(set.Namespace), client.MatchingFields{"involvedObject.name": pod}); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range events.Items {
		told = append(told, e.Reason+": "+e.Message)
	}
	return told
}

// An invalid bundle never becomes a valid one: its set keeps neither rights nor Secrets, and nothing else is touched.
func TestInvalidBundleLetsGo(t *testing.T) {
	w := letGoWorld(t, "letgo-invalid")
	w.inline(t, first, w.identity())
	w.inline(t, second, w.identity())
	if code, message := w.start(t, second, "seed-invalid", "kind: Nothing\n").end(t); code != 3 || !strings.Contains(message, "invalid bundle") {
		t.Errorf("it ended with %d, %q", code, message)
	}
	if told := eventsOf(t, w, "seed-invalid"); len(told) != 1 || !strings.HasPrefix(told[0], "InvalidBundle: invalid bundle") {
		t.Errorf("Events %q", told)
	}
	if binding := get(t, &rbacv1.ClusterRoleBinding{}, first.Name()); len(binding.Subjects) != 1 {
		t.Errorf("the older set's rights are %v", binding.Subjects)
	} else { // or seed would have its rights still
		binding.Subjects = nil
		if err := allKinds(t).Update(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
	}
	letGone(t, second, w.identity().Name)
	if secret := get(t, &corev1.Secret{}, first.Carried(w.identity().Name)); len(secret.Data) == 0 {
		t.Error("the older set's Secret was emptied")
	}
	get(t, &batchv1.Job{}, first.Name())
}

// An older set goes, a newer one stays; so do objects that no set brought.
func TestOlderSetsGo(t *testing.T) {
	w := letGoWorld(t, "letgo-sets")
	older, newer := set.Set("0000000000"), set.Set("ffffffffff")
	for _, s := range []set.Set{older, first, newer} {
		w.inline(t, s, w.identity())
	}
	p := w.start(t, first, "seed-between", w.spell(rootSync))
	w.stand(t)
	if code, message := p.end(t); code != 0 {
		t.Fatalf("it ended with %d, %q", code, message)
	}
	gone(t, older, w.identity())
	for _, o := range brought(newer, w.identity()) {
		if err := allKinds(t).Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			t.Errorf("of the newer set: %v", err)
		}
		if b, is := o.(*rbacv1.ClusterRoleBinding); is && len(b.Subjects) != 1 {
			t.Errorf("the newer set's rights are %v", b.Subjects)
		}
	}
	w.clear(t, newer, w.identity()) // its rights are seed's, too
	letGone(t, first, w.identity().Name)
	if removed := p.requests.requested("DELETE"); !strings.HasPrefix(removed[0], "DELETE /apis/batch/v1/namespaces/seed-system/jobs/") {
		t.Errorf("it removed %q, want the Job first", removed)
	}
}
