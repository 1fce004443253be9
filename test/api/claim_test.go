//go:build apiserver

package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/set"
)

// tokenVault logs everybody in and answers any secret with the current token.
func tokenVault(t *testing.T, token *atomic.Value) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/login") {
			fmt.Fprint(w, `{"accessToken":"session"}`)
			return
		}
		fmt.Fprintf(w, `{"secret":{"secretValue":%q}}`, token.Load())
	}))
	t.Cleanup(server.Close)
	return server
}

// gitBundle is a bundle in a namespace of its own, whose identity is put into the cluster.
func gitBundle(t *testing.T, live cluster.Client, namespace, git, vault string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Parse([]byte(strings.NewReplacer("claims", namespace, "https://git.example.com/x.git", git, "VAULT", vault).Replace(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: g, namespace: claims}
spec: {interval: 1m, url: "https://git.example.com/x.git", secretRef: {name: git}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: k, namespace: claims}
spec: {interval: 1m, path: ./c, prune: true, sourceRef: {kind: GitRepository, name: g}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: git, namespace: claims}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: infisical}
  target: {template: {data: {username: git, password: "{{ .password }}"}}}
  data: [{secretKey: password, remoteRef: {key: GITHUB_TOKEN}}]
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: infisical}
spec:
  provider:
    infisical:
      hostAPI: VAULT
      secretsScope: {projectSlug: homelab, environmentSlug: prod}
      auth:
        universalAuthCredentials:
          clientId: {name: identity-claims, namespace: default, key: clientId}
          clientSecret: {name: identity-claims, namespace: default, key: clientSecret}
`)))
	if err != nil {
		t.Fatal(err)
	}
	identity := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "identity-" + namespace},
		StringData: map[string]string{"clientId": "id", "clientSecret": "key"},
	}
	if err := live.Create(t.Context(), identity); err != nil {
		t.Fatal(err)
	}
	return b
}

// A token that Git refused is read again at the vault, but only while the Secret is seed's alone: what
// External Secrets Operator or anybody else has written to is never touched.
func TestClaimRenewsOnlyItsOwnSecret(t *testing.T) {
	live := newClient(t, admin)
	var token atomic.Value
	token.Store("old")
	vault := tokenVault(t, &token)
	c := gitBundle(t, live, "claims", "https://git.example.com/x.git", vault.URL).Claims[1]
	key := types.NamespacedName{Namespace: "claims", Name: "git"}
	expect := func(renew, written bool, password string) {
		t.Helper()
		claimer := claim.New(live, vault.Client())
		claimer.Renew = renew
		got, err := claimer.Claim(t.Context(), c)
		if err != nil || got != written {
			t.Fatalf("Claim = %v, %v, want %v", got, err, written)
		}
		var s corev1.Secret
		if err := live.Get(t.Context(), key, &s); err != nil {
			t.Fatal(err)
		}
		if string(s.Data["password"]) != password {
			t.Fatalf("the Secret holds %q, want %q", s.Data["password"], password)
		}
	}
	expect(false, true, "old")
	token.Store("new")
	expect(false, false, "old")
	expect(true, true, "new")

	var s corev1.Secret
	if err := live.Get(t.Context(), key, &s); err != nil {
		t.Fatal(err)
	}
	s.Labels = map[string]string{"reconcile.external-secrets.io/managed": "true"}
	if err := live.Update(t.Context(), &s, client.FieldOwner("external-secrets")); err != nil {
		t.Fatal(err)
	}
	token.Store("newer")
	expect(true, false, "new")
}

// The Namespace that a claim makes belongs to Flux in every field that the API server adds.
func TestClaimLeavesTheNamespaceToFlux(t *testing.T) {
	live := newClient(t, admin)
	var namespace corev1.Namespace
	if err := live.Get(t.Context(), types.NamespacedName{Name: "claims"}, &namespace); err != nil {
		t.Fatal(err)
	}
	for _, entry := range namespace.ManagedFields {
		if entry.Manager != cluster.FluxManager {
			t.Errorf("fields are owned by %s", entry.Manager)
		}
	}
}

// A Secret that the API server refuses as it is would be refused again, at the price of a login each time.
func TestClaimOfARefusedSecretIsBlocked(t *testing.T) {
	live := newClient(t, admin)
	var token atomic.Value
	token.Store("t")
	vault := tokenVault(t, &token)
	b := gitBundle(t, live, "refusedsecret", "https://git.example.com/x.git", vault.URL)
	c := b.Claims[1]
	c.Secret.Spec.Target.Template.Type = corev1.SecretTypeDockerConfigJson // without its key
	_, err := claim.New(live, vault.Client()).Claim(t.Context(), c)
	if !failure.IsBlocked(err) || !strings.Contains(err.Error(), "creating the Secret refusedsecret/git") || !strings.Contains(err.Error(), "spec.target.template") {
		t.Errorf("Claim: %v", err)
	}
}

// The Secret that the inline manifest carries is copied once, and again when Git refused the copy and somebody
// corrected it.
func TestCarriedSecretIsCorrected(t *testing.T) {
	live := newClient(t, admin)
	c := bundle.Claim{Target: types.NamespacedName{Namespace: "carried", Name: "git-carried"}, For: "GitRepository carried/g, spec.secretRef"}
	if err := live.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: set.Namespace}}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	source := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: "git-carried"}, Data: map[string][]byte{"password": []byte("old")}}
	if err := live.Create(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		renew, written  bool
		now, wantedCopy string
	}{{false, true, "old", "old"}, {true, false, "old", "old"}, {false, false, "new", "old"}, {true, true, "new", "new"}} {
		source.Data["password"] = []byte(step.now)
		if err := live.Update(t.Context(), source); err != nil {
			t.Fatal(err)
		}
		claimer := claim.New(live, nil)
		claimer.Renew = step.renew
		written, err := claimer.Claim(t.Context(), c)
		if err != nil || written != step.written {
			t.Fatalf("%+v: Claim = %v, %v", step, written, err)
		}
		var got corev1.Secret
		if err := live.Get(t.Context(), c.Target, &got); err != nil || string(got.Data["password"]) != step.wantedCopy {
			t.Fatalf("%+v: the copy holds %q, %v", step, got.Data["password"], err)
		}
	}
}

// What an inline manifest of a later set carries gets over the copy of an earlier one, but for what is no longer seed's
// own, and an emptied Secret brings nothing. The target may be in seed's own namespace.
func TestCarriedSecretIsRefreshed(t *testing.T) {
	live := newClient(t, admin)
	for _, namespace := range []string{"refreshed", set.Namespace} {
		t.Run(namespace, func(t *testing.T) {
			c := bundle.Claim{Target: types.NamespacedName{Namespace: namespace, Name: "refreshed"}, For: "GitRepository x/g, spec.secretRef"}
			if err := live.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: set.Namespace}}); err != nil && !apierrors.IsAlreadyExists(err) {
				t.Fatal(err)
			}
			carry := func(s set.Set, password string) *claim.Claimer {
				t.Helper()
				source := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: s.Carried("refreshed")}}
				if password != "" {
					source.Data = map[string][]byte{"password": []byte(password)}
				}
				if err := live.Create(t.Context(), source); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := live.Delete(context.Background(), source); err != nil {
						t.Error(err)
					}
				})
				claimer := claim.New(live, nil)
				claimer.Set = s
				return claimer
			}
			one, two, empty, none, last := carry("1", "one"), carry("2", "two"), carry("3", ""), claim.New(live, nil), carry("5", "last")
			none.Set = "4"
			for i, step := range []struct {
				do      func(context.Context, bundle.Claim) (bool, error)
				written bool
				want    string
				err     string
			}{
				{one.Refresh, false, "", ""}, // there is no copy
				{empty.Claim, false, "", "the identity Secret seed-system/refreshed-3 is empty"},
				{none.Claim, false, "", "reading the identity Secret seed-system/refreshed-4"},
				{one.Claim, true, "one", ""},
				{two.Claim, false, "one", ""}, // Claim leaves alone what is there
				{two.Refresh, true, "two", ""}, {two.Refresh, false, "two", ""},
				{empty.Refresh, false, "two", ""}, {empty.Claim, false, "two", ""}, {none.Refresh, false, "two", ""},
			} {
				written, err := step.do(t.Context(), c)
				if written != step.written || (err == nil) != (step.err == "") || err != nil && (!strings.Contains(err.Error(), step.err) || !failure.IsBlocked(err)) {
					t.Fatalf("step %d: %v, %v", i, written, err)
				}
				var got corev1.Secret
				if err := live.Get(t.Context(), c.Target, &got); client.IgnoreNotFound(err) != nil || string(got.Data["password"]) != step.want {
					t.Fatalf("step %d: the copy holds %q, %v", i, got.Data, err)
				}
			}
			var mine corev1.Secret
			if err := live.Get(t.Context(), c.Target, &mine); err != nil {
				t.Fatal(err)
			}
			mine.Annotations = map[string]string{"touched": "by hand"}
			if err := live.Update(t.Context(), &mine, client.FieldOwner("kubectl-edit")); err != nil {
				t.Fatal(err)
			}
			if written, err := last.Refresh(t.Context(), c); written || err != nil {
				t.Errorf("over somebody else's: %v, %v", written, err)
			}
			if err := live.Delete(t.Context(), &mine); err != nil {
				t.Error(err)
			}
		})
	}
}
