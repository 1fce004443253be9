//go:build apiserver

package api_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/letgo"
	"github.com/tazlab/seed/internal/set"
)

// What was emptied can be filled again by who applied it first, without force; that is how "talosctl upgrade-k8s" brings
// rights and Secrets back. A Secret that must keep a key is the exception.
func TestEmptiedIsFilledAgain(t *testing.T) {
	w := letGoWorld(t, "letgo-empty")
	meta := map[string]any{"namespace": set.Namespace, "labels": map[string]any{set.Label: string(first)}}
	object := func(apiVersion, kind, name string, more map[string]any) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta}}
		o = o.DeepCopy()
		o.SetName(name)
		for key, value := range more {
			o.Object[key] = value
		}
		return o
	}
	opaque := object("v1", "Secret", "identity-1111111111", map[string]any{"data": map[string]any{"clientId": "eA==", "clientSecret": "eA=="}})
	registry := object("v1", "Secret", "registry-1111111111", map[string]any{
		"type": string(corev1.SecretTypeDockerConfigJson), "data": map[string]any{corev1.DockerConfigJsonKey: "eyJhdXRocyI6e319", "ca.crt": "eA=="}})
	pull := object("v1", "Secret", first.PullSecret(), map[string]any{
		"type": string(corev1.SecretTypeDockerConfigJson), "data": map[string]any{corev1.DockerConfigJsonKey: "eyJhdXRocyI6e319"}})
	foreign := object("v1", "Secret", "identity-2222222222", map[string]any{"data": map[string]any{"clientId": "eA=="}})
	foreign.SetLabels(second.Labels())
	binding := object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", first.Name(), map[string]any{
		"roleRef":  map[string]any{"apiGroup": rbacv1.GroupName, "kind": "ClusterRole", "name": "cluster-admin"},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "seed", "namespace": set.Namespace}}})
	binding.SetNamespace("")
	all := allKinds(t)
	apply := func(o *unstructured.Unstructured, options ...client.ApplyOption) {
		t.Helper()
		o = o.DeepCopy()
		if err := all.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), append(options, client.FieldOwner("talos"))...); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range []*unstructured.Unstructured{opaque, registry, pull, foreign, binding} {
		apply(o)
		t.Cleanup(func() {
			if err := all.Delete(context.Background(), o); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 {
		emptied, err := letgo.EmptySecrets(t.Context(), w.live, first)
		if err != nil || len(emptied) != 2 {
			t.Fatalf("EmptySecrets = %q, %v", emptied, err)
		}
		if err := letgo.EmptyRights(t.Context(), w.live, first); err != nil {
			t.Fatal(err)
		}
		if emptied, err = letgo.EmptySecrets(t.Context(), w.live, first); err != nil || len(emptied) != 0 {
			t.Errorf("EmptySecrets of what is empty = %q, %v", emptied, err)
		}
		for name, empty := range map[string]bool{"identity-1111111111": true, "registry-1111111111": true, first.PullSecret(): false, "identity-2222222222": false} {
			if s := get(t, &corev1.Secret{}, name); set.IsEmpty(s) != empty {
				t.Errorf("Secret %s holds %d keys", name, len(s.Data))
			}
		}
		if b := get(t, &rbacv1.ClusterRoleBinding{}, first.Name()); len(b.Subjects) != 0 {
			t.Errorf("subjects %v", b.Subjects)
		}
		apply(opaque)
		apply(binding)
		apply(registry, client.ForceOwnership)
		if s, b := get(t, &corev1.Secret{}, "identity-1111111111"), get(t, &rbacv1.ClusterRoleBinding{}, first.Name()); len(s.Data) != 2 || len(b.Subjects) != 1 {
			t.Errorf("brought back: %d keys, subjects %v", len(s.Data), b.Subjects)
		}
	}
}

// Hands off what only has the name of seed's own, and no complaint about what is not there.
func TestEmptyRightsOfNobody(t *testing.T) {
	live := newClient(t, admin)
	if err := letgo.EmptyRights(t.Context(), live, first); err != nil {
		t.Errorf("none there: %v", err)
	}
	foreign := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: first.Name()},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "jane"}}}
	all := allKinds(t)
	if err := all.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := all.Delete(context.Background(), foreign); err != nil {
			t.Error(err)
		}
	})
	if err := letgo.EmptyRights(t.Context(), live, first); err == nil {
		t.Error("no error")
	}
	if b := get(t, &rbacv1.ClusterRoleBinding{}, first.Name()); len(b.Subjects) != 1 {
		t.Errorf("subjects %v", b.Subjects)
	}
}
