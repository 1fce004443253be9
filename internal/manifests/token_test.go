package manifests

import (
	"slices"
	"strings"
	"testing"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esmeta "github.com/external-secrets/external-secrets/apis/meta/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/bundle"
)

// claimAt is a claim from a store at hostAPI with Kubernetes Auth, annotated with the machine identity id if there is one.
func claimAt(hostAPI, id string) bundle.Claim {
	ref := esmeta.SecretKeySelector{Name: "identity", Key: "path"}
	store := &esv1.ClusterSecretStore{ObjectMeta: metav1.ObjectMeta{Name: "vault"}}
	if id != "" {
		store.Annotations = map[string]string{bundle.JWTIdentityAnnotation: id}
	}
	store.Spec.Provider = &esv1.SecretStoreProvider{Infisical: &esv1.InfisicalProvider{
		HostAPI: hostAPI, Auth: esv1.InfisicalAuth{KubernetesAuthCredentials: &esv1.KubernetesAuthCredentials{ServiceAccountTokenPath: ref}},
	}}
	return bundle.Claim{Store: store}
}

// One token for each vault, with that vault as its audience, beside those that Kubernetes Auth reads.
func TestProjectedTokens(t *testing.T) {
	t.Parallel()
	identity := func(path string) []*corev1.Secret {
		return []*corev1.Secret{{ObjectMeta: metav1.ObjectMeta{Name: "identity"}, StringData: map[string]string{"path": path}}}
	}
	const dir = "/var/run/secrets/seed.tazlab.net/"
	tokens, err := projectedTokens([]bundle.Claim{
		{}, // carried
		claimAt("https://vault.example.com", "a"), claimAt("https://vault.example.com:8443/api", "b"),
		claimAt("https://app.infisical.com", "a"), claimAt("https://[fd00::1]", "a"), claimAt("https://vault.example.com", ""),
	}, identity("/var/run/secrets/vault/jwt"))
	if err != nil {
		t.Fatal(err)
	}
	want := []token{
		{"token-0", dir + "vault.example.com", "token", "vault.example.com"},
		{"token-1", dir + "app.infisical.com", "token", "app.infisical.com"},
		{"token-2", dir + "fd00--1", "token", "fd00::1"},
		{"token-3", "/var/run/secrets/vault", "jwt", "vault.example.com"},
	}
	if !slices.Equal(tokens, want) {
		t.Errorf("tokens %v, want %v", tokens, want)
	}
	source := tokens[0].volume().Projected.Sources[0].ServiceAccountToken
	if source.Audience != "vault.example.com" || *source.ExpirationSeconds != 600 || source.Path != "token" {
		t.Errorf("the volume projects %v", source)
	}
	for _, taken := range []string{dir + "token", dir + "vault.example.com/token", "/var/run/secrets/kubernetes.io/serviceaccount/token", "token"} {
		if _, err := projectedTokens([]bundle.Claim{claimAt("https://v.example.com", "")}, identity(taken)); err == nil || !strings.Contains(err.Error(), "serviceAccountTokenPath") {
			t.Errorf("%s: %v, want it refused", taken, err)
		}
	}
}
