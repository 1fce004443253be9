//go:build apiserver

package follow_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What the policy says of a change, in part.
const (
	onlyUpdates = "it creates and deletes nothing, and writes no status"
	noSpec      = "beside its metadata"
	noMetadata  = "change other metadata"
	noOther     = "seed follow changes no annotation but "
	noOwners    = "who owns a field"
	byRBAC      = `User "` + account + `" cannot `
)

// annotation is the one that asks for what it belongs to.
func annotation(kind string) string {
	if kind == "ExternalSecret" {
		return "force-sync"
	}
	return "reconcile.fluxcd.io/requestedAt"
}

// changes are merge patches, with what refuses each.
func changes(kind string) map[string]string {
	interval := "interval"
	if kind == "ExternalSecret" {
		interval = "refreshInterval"
	}
	asks := fmt.Sprintf(`"annotations":{%q:"now"}`, annotation(kind))
	all := map[string]string{
		`{"spec":null}`:                          noSpec,
		`{"spec":{"` + interval + `":"2h0m0s"}}`: noSpec,
		`{"metadata":{` + asks + `},"spec":{"` + interval + `":"2h0m0s"}}`:                               noSpec,
		`{"metadata":{"labels":{"other":"x"}}}`:                                                          noMetadata,
		`{"metadata":{"labels":{"app":"other"}}}`:                                                        noMetadata,
		`{"metadata":{"labels":null,` + asks + `}}`:                                                      noMetadata,
		`{"metadata":{"finalizers":null}}`:                                                               noMetadata,
		`{"metadata":{"finalizers":["example.com/kept","example.com/other"]}}`:                           noMetadata,
		`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"x"}]}}`: noMetadata,
		`{"metadata":{"annotations":{"example.com/kept":"no"}}}`:                                         noOther + annotation(kind),
		`{"metadata":{"annotations":{"example.com/kept":null}}}`:                                         noOther + annotation(kind),
		`{"metadata":{"annotations":null}}`:                                                              noOther + annotation(kind),
		`{"metadata":{"annotations":{"reconcile.fluxcd.io/forceAt":"now"}}}`:                             noOther + annotation(kind),
		`{"metadata":{"annotations":{"kustomize.toolkit.fluxcd.io/ssa":"Ignore"}}}`:                      noOther + annotation(kind),
		`{"metadata":{"managedFields":[{}]}}`:                                                            noOwners,
	}
	if kind == "ExternalSecret" {
		all[`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"now"}}}`] = noOther + annotation(kind)
	} else {
		all[`{"metadata":{"annotations":{"force-sync":"now"}}}`] = noOther + annotation(kind)
		all[`{"spec":{"suspend":true}}`] = noSpec
	}
	return all
}

func merge(patch string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(patch)) }

// refused tells whether err is a refusal that says so. The policy's are Invalid, as the API server does it by default.
func refused(err error, saying string) bool {
	return (apierrors.IsForbidden(err) || apierrors.IsInvalid(err)) && strings.Contains(err.Error(), saying)
}

// The ServiceAccount can ask for a reconciliation of each kind, and can change nothing else: not alone, not together with the
// asking, not by any verb, not even if somebody gives it all rights.
func TestTheAccountMayOnlyAnnotate(t *testing.T) {
	live, its := newClient(t, admin), newClient(t, follower())
	install(t, live)
	objects := parse(t, "testdata/objects.yaml")
	for _, object := range objects {
		if err := live.Create(t.Context(), object, client.FieldOwner("kustomize-controller")); err != nil {
			t.Fatal(err)
		}
	}
	inForce(t, its, objects[0])
	for _, object := range objects {
		if object.GetKind() != "HelmChart" { // which nobody asks for, but the policy guards
			t.Run(object.GetKind(), func(t *testing.T) { mayOnlyAnnotate(t, live, its, object) })
		}
	}
	t.Run("Secrets", func(t *testing.T) { mayReadNamedSecrets(t, live, its) })
	t.Run("others", func(t *testing.T) { mayOnlyLook(t, its) })
	t.Run("with all rights", func(t *testing.T) { evenWithAllRights(t, live, its, objects) })
}

// inForce waits until the API server has seen rights and policy.
func inForce(t *testing.T, its client.Client, object *unstructured.Unstructured) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := its.Patch(ctx, object.DeepCopy(), merge(`{"spec":{"suspend":true}}`), client.DryRunAll)
		if ctx.Err() == nil {
			last = err
		}
		return refused(err, noSpec), nil
	})
	if err != nil {
		t.Fatalf("the policy is not in force: %v", last)
	}
}

func mayOnlyAnnotate(t *testing.T, live, its client.Client, object *unstructured.Unstructured) {
	t.Helper()
	before := read(t, live, object)
	for _, at := range []string{"2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"} {
		ask := fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"annotations":{%q:%q}}}`, read(t, its, object).GetResourceVersion(), annotation(object.GetKind()), at)
		if err := its.Patch(t.Context(), object.DeepCopy(), merge(ask), client.FieldOwner("flux")); err != nil {
			t.Fatalf("asking is refused: %v", err)
		}
		if got := read(t, its, object).GetAnnotations()[annotation(object.GetKind())]; got != at {
			t.Errorf("asked at %q, want %q", got, at)
		}
	}
	for patch, saying := range changes(object.GetKind()) {
		if err := its.Patch(t.Context(), object.DeepCopy(), merge(patch)); !refused(err, saying) {
			t.Errorf("%s: %v, want a refusal that says %q", patch, err, saying)
		}
		if err := live.Patch(t.Context(), object.DeepCopy(), merge(patch), client.DryRunAll); err != nil {
			t.Errorf("%s is refused to everybody: %v", patch, err)
		}
	}
	owned := read(t, live, object)
	owned.SetManagedFields(append(owned.GetManagedFields(), metav1.ManagedFieldsEntry{
		Manager: "another", Operation: metav1.ManagedFieldsOperationApply, APIVersion: object.GetAPIVersion(), FieldsType: "FieldsV1",
		FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:metadata":{"f:labels":{"f:app":{}}}}`)},
	}))
	if err := its.Patch(t.Context(), owned, client.MergeFrom(read(t, live, object))); !refused(err, noOwners) {
		t.Errorf("another owner of a label: %v", err)
	}
	applied := object.DeepCopy()
	applied.SetManagedFields(nil)
	applied.SetResourceVersion("")
	applied.SetUID("")
	applied.SetLabels(map[string]string{"app": "other"})
	if err := its.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("flux"), client.ForceOwnership); !refused(err, noMetadata) {
		t.Errorf("server-side apply: %v", err)
	}
	otherVerbs(t, its, object, byRBAC)
	after := read(t, live, object)
	if !reflect.DeepEqual(bare(before), bare(after)) {
		t.Errorf("it was\n%v\nand is\n%v", before, after)
	}
}

// otherVerbs tries all but to patch the object itself.
func otherVerbs(t *testing.T, its client.Client, object *unstructured.Unstructured, saying string) {
	t.Helper()
	asked := read(t, its, object)
	asked.SetAnnotations(map[string]string{"example.com/kept": "yes", annotation(object.GetKind()): "now"})
	another := object.DeepCopy()
	another.SetName("another")
	another.SetResourceVersion("")
	another.SetUID("")
	for verb, err := range map[string]error{
		"create":           its.Create(t.Context(), another),
		"delete":           its.Delete(t.Context(), object.DeepCopy()),
		"deletecollection": its.DeleteAllOf(t.Context(), object.DeepCopy(), client.InNamespace(namespace)),
		"patch the status": its.Status().Patch(t.Context(), object.DeepCopy(), merge(`{"status":{"conditions":[]}}`)),
	} {
		if !refused(err, saying) {
			t.Errorf("to %s: %v, want a refusal that says %q", verb, err, saying)
		}
	}
	if saying != byRBAC {
		return
	}
	if err := its.Update(t.Context(), asked); !refused(err, byRBAC+"update") {
		t.Errorf("to update: %v", err)
	}
}

// mayOnlyLook is about the kinds of the policy's groups that nobody asks for.
func mayOnlyLook(t *testing.T, its client.Client) {
	t.Helper()
	for kind, group := range map[string]string{
		"SecretStore": "external-secrets.io/v1", "ClusterSecretStore": "external-secrets.io/v1",
		"HelmChart": "source.toolkit.fluxcd.io/v1", "ExternalArtifact": "source.toolkit.fluxcd.io/v1",
	} {
		list, one := &unstructured.UnstructuredList{}, &unstructured.Unstructured{}
		list.SetAPIVersion(group)
		list.SetKind(kind + "List")
		if err := its.List(t.Context(), list); err != nil {
			t.Errorf("to list: %v", err)
		}
		one.SetAPIVersion(group)
		one.SetKind(kind)
		one.SetNamespace(namespace)
		one.SetName("it")
		if err := its.Patch(t.Context(), one, merge(`{"metadata":{"annotations":{"`+annotation("ExternalSecret")+`":"now"}}}`)); !refused(err, byRBAC+"patch") {
			t.Errorf("a %s is patched: %v", kind, err)
		}
	}
}

func mayReadNamedSecrets(t *testing.T, live, its client.Client) {
	t.Helper()
	for _, name := range []string{"named", "unnamed"} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: map[string]string{"x": "y"}}
		if err := live.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := its.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "named"}, metadata); err != nil {
		t.Errorf("the named one: %v", err)
	}
	key := types.NamespacedName{Namespace: namespace, Name: "unnamed"}
	for what, err := range map[string]error{
		"get metadata of": its.Get(t.Context(), key, metadata),
		"get":             its.Get(t.Context(), key, &corev1.Secret{}),
		"list":            its.List(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace)),
		"list all":        its.List(t.Context(), &corev1.SecretList{}),
		"patch":           its.Patch(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "named"}}, merge(`{}`)),
	} {
		if !refused(err, byRBAC) {
			t.Errorf("%s a Secret: %v", what, err)
		}
	}
}

// evenWithAllRights gives the account what RBAC can give: the policy stays.
func evenWithAllRights(t *testing.T, live, its client.Client, objects []*unstructured.Unstructured) {
	t.Helper()
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "a-mistake"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: fluxNamespace, Name: "seed-follow"}},
	}
	if err := live.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := live.Delete(context.Background(), binding); err != nil {
			t.Error(err)
		}
	})
	until(t, "the account may read Secrets", func() bool { return its.List(t.Context(), &corev1.SecretList{}) == nil })
	for _, object := range objects {
		otherVerbs(t, its, object, onlyUpdates)
		for patch, saying := range changes(object.GetKind()) {
			if err := its.Patch(t.Context(), object.DeepCopy(), merge(patch)); !refused(err, saying) {
				t.Errorf("%s: %s: %v, want a refusal that says %q", object.GetKind(), patch, err, saying)
			}
		}
	}
}

func read(t *testing.T, c client.Client, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	found := object.DeepCopy()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), found); err != nil {
		t.Fatal(err)
	}
	return found
}

// bare is what asking leaves as it is.
func bare(object *unstructured.Unstructured) map[string]any {
	o := object.DeepCopy()
	annotations := o.GetAnnotations()
	delete(annotations, annotation(o.GetKind()))
	o.SetAnnotations(annotations)
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	return o.Object
}
