//go:build root

package e2e_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/castle/internal/talos"
)

var (
	externalSecrets     = schema.GroupVersionResource{Group: "external-secrets.io", Version: "v1", Resource: "externalsecrets"}
	clusterSecretStores = schema.GroupVersionResource{Group: "external-secrets.io", Version: "v1", Resource: "clustersecretstores"}
)

// managed is the label with which External Secrets Operator marks a Secret that it keeps.
const managed = "reconcile.external-secrets.io/managed"

// What seed has claimed becomes External Secrets Operator's; each part builds on the one before.
func TestHandover(t *testing.T) {
	w := newWorld(t, talos.CreateMissing)
	tree := t.TempDir()
	if err := w.CopyTree(tree); err != nil {
		t.Fatal(err)
	}
	// A change at the vault and a commit arrive within seconds here, not within an hour and a minute.
	setVariable(t, tree, "GIT_TOKEN_REFRESH", "2s")
	replace(t, filepath.Join(tree, holds(t, tree, "kind: GitRepository\nmetadata:\n  name: flux-system\n")), "interval: 1m", "interval: 5s")
	credential := w.recordCredential(t)
	w.birth(t, tree)
	for _, part := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"the operator takes over what seed claimed", func(t *testing.T, w *world) { t.Helper(); testTakenOver(t, w, credential) }},
		{"nobody but the operator and Flux owns a field", func(t *testing.T, w *world) { t.Helper(); testOwnership(t, w, 45) }},
		{"a rotated token reaches Flux by itself", func(t *testing.T, w *world) { t.Helper(); testRotated(t, w, credential) }},
		{"no credential was written anywhere", testNoSecret},
		{"Flux keeps Git without the ExternalSecrets", func(t *testing.T, w *world) { t.Helper(); testWithoutConfigs(t, w, tree, credential) }},
		{"Flux keeps Git without the operator", func(t *testing.T, w *world) { t.Helper(); testWithoutOperator(t, w, tree, credential) }},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, w) }) {
			return
		}
	}
}

// testTakenOver holds every version of Flux's credential, from the one that seed wrote on, against the first.
func testTakenOver(t *testing.T, w *world, credential *credential) {
	for _, name := range []string{fluxSystem, "registry-ca", "infisical-identity"} {
		w.synced(t, name)
		secret, err := w.core.CoreV1().Secrets(fluxSystem).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if secret.Labels[managed] != "true" || len(secret.OwnerReferences) != 0 {
			t.Errorf("Secret %s: labels %v, owners %v; want the operator's label and no owner", name, secret.Labels, secret.OwnerReferences)
		}
	}
	versions := credential.until(t, "the operator's mark", func(s *corev1.Secret) bool { return s.Labels[managed] == "true" })
	first := versions[0]
	if len(first.ManagedFields) != 1 || first.ManagedFields[0].Manager != "seed" {
		t.Errorf("the first version is not seed's: %+v", first.ManagedFields)
	}
	for _, v := range versions {
		if !sameData(first, v) || v.Type != first.Type || v.UID != first.UID {
			t.Errorf("version %s of the credential is not the one that seed wrote", v.ResourceVersion)
		}
	}
	t.Logf("%d versions of the credential with the same data", len(versions))
}

func sameData(a, b *corev1.Secret) bool {
	if len(a.Data) != len(b.Data) || len(a.Data) == 0 {
		return false
	}
	for key, value := range a.Data {
		if !bytes.Equal(b.Data[key], value) {
			return false
		}
	}
	return true
}

// testRotated changes the token where it is made, and touches nothing in the cluster.
func testRotated(t *testing.T, w *world, credential *credential) {
	old := w.Services().GitToken
	if err := w.RotateGitToken(); err != nil {
		t.Fatal(err)
	}
	token := w.Services().GitToken
	if out, err := w.lsRemote(t, old); err == nil || !strings.Contains(out, "Authentication failed") {
		t.Errorf("the Git server with the old token: %v: %s", err, out)
	}
	if out, err := w.lsRemote(t, token); err != nil {
		t.Errorf("the Git server with the new token: %v: %s", err, out)
	}
	credential.until(t, "the new token", func(s *corev1.Secret) bool { return string(s.Data["password"]) == token })
	w.commit(t, "Say something new", map[string][]byte{"apps/base/blog/index.html": []byte("<p>rotated</p>\n")})
}

// testWithoutConfigs removes the unit with the store and the ExternalSecrets, and brings it back.
func testWithoutConfigs(t *testing.T, w *world, tree string, credential *credential) {
	w.commit(t, "Without the ExternalSecrets", without(t, tree, "infrastructure-configs"))
	w.untilGone(t, externalSecrets, fluxSystem, fluxSystem)
	w.untilGone(t, clusterSecretStores, "", "tazlab-secrets")
	w.commit(t, "Flux fetches without them", map[string][]byte{"apps/base/blog/index.html": []byte("<p>alone</p>\n")})
	w.commit(t, "With the ExternalSecrets", without(t, tree))
	w.synced(t, fluxSystem)
	credential.neverMissing(t)
}

// testWithoutOperator removes the operator, and then its ExternalSecrets, which nobody can finish to delete.
func testWithoutOperator(t *testing.T, w *world, tree string, credential *credential) {
	const unit, configs = "infrastructure-operators-eso", "infrastructure-configs"
	w.commit(t, "Without the operator", without(t, tree, unit))
	w.untilGone(t, corev1.SchemeGroupVersion.WithResource("namespaces"), "", "external-secrets")
	w.commit(t, "Without the ExternalSecrets either", without(t, tree, unit, configs))
	w.untilGone(t, kustomizations, fluxSystem, configs)
	w.commit(t, "Flux fetches without both", map[string][]byte{"apps/base/blog/index.html": []byte("<p>for ever</p>\n")})
	credential.neverMissing(t)
	left, err := w.dynamic.Resource(externalSecrets).Namespace(fluxSystem).Get(t.Context(), fluxSystem, metav1.GetOptions{})
	if err != nil || left.GetDeletionTimestamp() == nil {
		t.Errorf("%v: the ExternalSecret should wait for the operator to let it go", err)
	}
}

// synced waits until the operator says of an ExternalSecret that its Secret is in step with the vault.
func (w *world) synced(t *testing.T, name string) {
	t.Helper()
	w.await(t, externalSecrets, name, "the Secret to be in step", func(object map[string]any) bool {
		conditions, _, _ := unstructured.NestedSlice(object, "status", "conditions")
		for _, c := range conditions {
			if condition, ok := c.(map[string]any); ok && condition["type"] == "Ready" {
				return condition["status"] == "True" && condition["reason"] == "SecretSynced"
			}
		}
		return false
	})
}

// untilGone waits until an object is there no more.
func (w *world) untilGone(t *testing.T, resource schema.GroupVersionResource, namespace, name string) {
	t.Helper()
	objects := w.dynamic.Resource(resource).Namespace(namespace)
	poll(t, fmt.Sprintf("the end of %s %s", resource.Resource, name), func() bool {
		_, err := objects.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err != nil
	})
}
