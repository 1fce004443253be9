package sdktest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	infisical "github.com/infisical/go-sdk"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

// jwtAuth makes JWT Auth as seed asks for it, and a Kubernetes token that it accepts.
func jwtAuth(t *testing.T) (*vaultstandin.JWTAuth, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	const issuer, subject = "https://cluster.example:6443", "system:serviceaccount:external-secrets:eso"
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": issuer, "sub": subject, "aud": []string{"vault.example"}, "exp": time.Now().Add(time.Minute).Unix(),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return &vaultstandin.JWTAuth{PublicKeys: []string{public}, BoundIssuer: issuer, BoundSubject: subject}, token
}

// TestLogins: with whatever the client logs in, it can read then.
func TestLogins(t *testing.T) {
	auth, token := jwtAuth(t)
	for name, test := range map[string]struct {
		id    vaultstandin.Identity
		path  string
		login func(infisical.AuthInterface) error
	}{
		"JWT Auth": {
			vaultstandin.Identity{JWT: auth}, "/api/v1/auth/jwt-auth/login",
			func(a infisical.AuthInterface) error { _, err := a.JwtAuthLogin(identityID, token); return err },
		},
		"Kubernetes Auth": {
			vaultstandin.Identity{Kubernetes: &vaultstandin.KubernetesAuth{AllowedNames: []string{"eso"}}}, "/api/v1/auth/kubernetes-auth/login",
			func(a infisical.AuthInterface) error {
				_, err := a.KubernetesRawServiceAccountTokenLogin(identityID, serviceAccountToken)
				return err
			},
		},
		"Token Auth": {
			vaultstandin.Identity{Token: "made-by-an-operator"}, "",
			func(a infisical.AuthInterface) error { a.SetAccessToken("made-by-an-operator"); return nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, entries := start(t, test.id)
			if err := test.login(client.Auth()); err != nil {
				t.Fatal(err)
			}
			listed, err := client.Secrets().List(infisical.ListSecretsOptions{Environment: "prod", ProjectSlug: "tazlab-k8s", SecretPath: "/", Recursive: true})
			if err != nil || len(listed) != 3 {
				t.Errorf("list: %v %v", listed, err)
			}
			var paths []string
			for _, e := range entries() {
				if e.Identity != "eso" || e.Status != 200 {
					t.Errorf("%+v", e)
				}
				paths = append(paths, e.Path)
			}
			want := []string{test.path, "/api/v3/secrets/raw"}
			if test.path == "" {
				want = want[1:]
			}
			if !slices.Equal(paths, want) {
				t.Errorf("calls %q, want %q", paths, want)
			}
		})
	}
}

// TestRefusedLogins: the client understands why.
func TestRefusedLogins(t *testing.T) {
	auth, token := jwtAuth(t)
	auth.BoundAudiences = "vault.example" // what Kubernetes' tokens cannot pass
	client, _ := start(t, vaultstandin.Identity{JWT: auth, Kubernetes: &vaultstandin.KubernetesAuth{AllowedNamespaces: []string{"flux-system"}}})
	_, err := client.Auth().JwtAuthLogin(identityID, token)
	wantAPIError(t, err, 500, "Something went wrong")
	_, err = client.Auth().KubernetesRawServiceAccountTokenLogin(identityID, serviceAccountToken)
	wantAPIError(t, err, 401, "Access denied: K8s namespace not allowed.")
	_, err = client.Auth().KubernetesRawServiceAccountTokenLogin(identityID, "bad")
	wantAPIError(t, err, 401, "invalid bearer token")
}

// TestImports: the client puts what a folder imports behind its own.
func TestImports(t *testing.T) {
	client, _ := start(t, vaultstandin.Identity{})
	if _, err := client.Auth().UniversalAuthLogin(clientID, clientSecret); err != nil {
		t.Fatal(err)
	}
	read := infisical.RetrieveSecretOptions{Environment: "prod", ProjectSlug: "tazlab-k8s", SecretKey: "DEEP", SecretPath: "/imports", IncludeImports: true}
	if secret, err := client.Secrets().Retrieve(read); err != nil || secret.SecretValue != "deep" || secret.SecretPath != "/flux/sub" {
		t.Errorf("one imported secret: %+v %v", secret, err)
	}
	listed, err := client.Secrets().List(infisical.ListSecretsOptions{Environment: "prod", ProjectSlug: "tazlab-k8s", SecretPath: "/imports", IncludeImports: true})
	if err != nil || len(listed) != 1 || listed[0].SecretKey != "DEEP" {
		t.Errorf("imported secrets: %+v %v", listed, err)
	}
}
