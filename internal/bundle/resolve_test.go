package bundle_test

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/failure"
)

// claims spells the claims of b in their order.
func claims(b *bundle.Bundle) []string {
	var all []string
	for _, c := range b.Claims {
		if c.Secret == nil {
			all = append(all, fmt.Sprintf("%s carried %v", c.Target, c.Keys))
			continue
		}
		all = append(all, fmt.Sprintf("%s from %s", c.Target, c.Store.Name))
	}
	return all
}

// login is an ExternalSecret for what the store infisical logs in with, answered by the store named from.
func login(from string) string {
	return `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: login, namespace: seed-system}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: ` + from + `}
  target: {name: infisical-identity}
  data:
    - {secretKey: clientId, remoteRef: {key: ID}}
    - {secretKey: clientSecret, remoteRef: {key: KEY}}
`
}

func TestParseOrdersClaims(t *testing.T) {
	t.Parallel()
	first := strings.NewReplacer("name: infisical}", "name: first}", "infisical-identity", "secret-zero").Replace(store)
	for name, test := range map[string]struct {
		docs []string
		want []string
	}{
		"no Secret": {[]string{strings.Replace(source, "  secretRef: {name: flux-system}\n", "", 1), root}, nil},
		// What no ExternalSecret brings is the inline manifest's to carry.
		"no ExternalSecret": {[]string{source, root}, []string{"flux-system/flux-system carried []"}},
		// What a store logs in with comes first, however deep.
		"recursive": {[]string{source, root, credential, store, login("first"), first}, []string{
			"seed-system/secret-zero carried [clientId clientSecret]", "seed-system/infisical-identity from first", "flux-system/flux-system from infisical",
		}},
		// An ExternalSecret that keeps fresh what its own store logs in with: somebody has to begin.
		"circle": {[]string{source, root, credential, store, login("infisical")}, []string{
			"seed-system/infisical-identity carried [clientId clientSecret]", "flux-system/flux-system from infisical",
		}},
		"root in an OCI artifact": {[]string{
			"apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, url: \"oci://ghcr.io/x/y\"}\n",
			strings.Replace(root, "GitRepository", "OCIRepository", 1),
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := bundle.Parse(join(test.docs...))
			if err != nil {
				t.Fatal(err)
			}
			if got := claims(b); !slices.Equal(got, test.want) {
				t.Errorf("claims %q, want %q", got, test.want)
			}
		})
	}
}

// The ConfigMap with the vault's certificates is not in a newborn cluster: it travels in the bundle.
func TestParseTakesCertificatesFromTheBundle(t *testing.T) {
	t.Parallel()
	private := strings.Replace(store, "      hostAPI", "      caProvider: {type: ConfigMap, name: ca, namespace: flux-system, key: ca.crt}\n      hostAPI", 1)
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	certificates := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: flux-system}\ndata: {ca.crt: %q}\n", ca)
	b, err := bundle.Parse(join(source, root, credential, private, certificates))
	if err != nil {
		t.Fatal(err)
	}
	if vault := b.Claims[1].Store.Spec.Provider.Infisical; string(vault.CABundle) != ca || vault.CAProvider != nil {
		t.Errorf("the store has caBundle %q, caProvider %v", vault.CABundle, vault.CAProvider)
	}
	_, err = bundle.Parse(join(source, root, credential, private, strings.Replace(certificates, "ca.crt", "tls.crt", 1)))
	if !failure.IsInvalid(err) || !strings.Contains(err.Error(), `caProvider: the ConfigMap flux-system/ca has no key "ca.crt"`) {
		t.Errorf("Parse: %v, want the missing key", err)
	}
	_, err = bundle.Parse(join(source, root, credential, private, strings.Replace(certificates, ca[30:60], "", 1), "")) // whole but broken
	if err == nil {
		t.Error("Parse took a broken certificate")
	}
	if b, err := bundle.Parse(join(source, root, credential, private)); err != nil || b.Claims[1].Store.Spec.Provider.Infisical.CAProvider == nil {
		t.Errorf("Parse: %v, want the ConfigMap left to the cluster", err)
	}
}

// Git is compared as it is, whatever type a number has after a build or in a file; what changed is named.
func TestDifferencesNamesWhatGitHasOtherwise(t *testing.T) {
	t.Parallel()
	retried := strings.Replace(store, "spec:\n", "spec:\n  refreshInterval: 3600\n", 1)
	b, err := bundle.Parse(join(source, root, credential, retried))
	if err != nil {
		t.Fatal(err)
	}
	built := func(docs ...string) []*unstructured.Unstructured {
		objects, err := ssautil.ReadObjects(strings.NewReader(strings.Join(docs, "---\n")))
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	if got := b.Differences(built(source, root, credential, retried)); len(got) > 0 {
		t.Errorf("Differences = %q, want none", got)
	}
	labelled := strings.Replace(credential, "{name: flux-system, namespace: flux-system}", "{name: flux-system, namespace: flux-system, labels: {a: b}}", 1)
	if got := b.Differences(built(source, root, labelled, store)); !slices.Equal(got, []string{"ExternalSecret flux-system/flux-system", "ClusterSecretStore infisical"}) {
		t.Errorf("Differences = %q", got)
	}
}
