//go:build apiserver

package plant_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

// A birth without any secret in the manifest: one login, with the token for the vault, and the store's own auth Secret
// first.
func TestBirthByJWT(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := newWorld(t)
	byJWT(t, w)
	registerNow(t, w)
	w.prepare(t)
	if w.ownToken == "" {
		t.Fatal("the Job projects no token for the vault")
	}
	wantAudience(t, w.ownToken, "127.0.0.1")
	s := w.start(t)
	if err := s.says(ctx, `msg="apply the root sync" state=done`); err != nil {
		t.Fatal(err)
	}
	if err := s.end(ctx); err != nil {
		t.Error(err)
	}
	w.wantSecret(t, true)
	w.wantPlanted(t, true)
	claimed, err := core.CoreV1().Secrets(w.name).Get(ctx, "infisical-identity", metav1.GetOptions{})
	if err != nil || string(claimed.Data["clientId"]) != w.identity().ClientID || string(claimed.Data["clientSecret"]) != w.clientSecret {
		t.Errorf("the store's auth Secret: %v, with %d keys", err, len(claimed.Data))
	}
	first, second := strings.Index(s.stderr.String(), "claim Secret "+w.name+"/infisical-identity"), strings.Index(s.stderr.String(), "claim Secret "+w.name+"/git")
	if first < 0 || second < first {
		t.Errorf("the store's auth Secret is not claimed first:\n%s", s.stderr.String())
	}
	if _, err := core.CoreV1().Secrets(seedSystem).Get(ctx, "infisical-identity", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a Secret was carried: %v", err)
	}
	if logins, revoked := len(w.vault.Calls("POST /api/v1/auth/jwt-auth/login")), len(w.vault.Calls(revoke)); logins != 1 || revoked != 1 || len(w.vault.Calls(login)) != 1 {
		t.Errorf("%d logins by JWT, %d tokens revoked, %d logins in all; want one of each", logins, revoked, len(w.vault.Calls(login)))
	}
	w.wantNoCredential(t, s)
}

func wantAudience(t *testing.T, token, want string) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Aud []string }
	if err := json.Unmarshal(payload, &claims); err != nil || !slices.Equal(claims.Aud, []string{want}) {
		t.Errorf("the token's audience is %q, want %q: %v", claims.Aud, want, err)
	}
}

// What the vault refuses is told with its cure, and the birth goes on by itself after that: nobody touches the cluster.
func TestJWTRefused(t *testing.T) {
	t.Parallel()
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other := secretsBundle(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(stranger)}))
	changed := func(change func(*vaultstandin.Identity)) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { t.Helper(); byJWT(t, w); w.register(t, talosSecrets, change) }
	}
	for name, r := range map[string]row{
		"registered-late": {breaks: byJWT, want: []string{"404 Not Found: JWT auth method not found", "register the cluster", `"seed render jwks" prints`}},
		"wrong-key": {
			breaks: func(t *testing.T, w *world) { t.Helper(); byJWT(t, w); w.register(t, other, nil) },
			want:   []string{"401 Unauthorized: Access denied: JWT verification failed with all keys", "new secrets bundle has a new key", "whose kid is " + renderJWKS[registration](t, talosSecrets, "json").Kid},
		},
		"wrong-issuer": {
			breaks: changed(func(id *vaultstandin.Identity) { id.JWT.BoundIssuer = endpoint + "/" }),
			want:   []string{"403 Forbidden: Access denied: issuer mismatch", "set boundIssuer", "to exactly " + endpoint + ")"},
		},
		"wrong-subject": {
			breaks: changed(func(id *vaultstandin.Identity) { id.JWT.BoundSubject = "system:serviceaccount:flux-system:seed" }),
			want:   []string{"403 Forbidden: Access denied: subject not allowed", "set boundSubject", "to system:serviceaccount:seed-system:seed)"},
		},
		"audiences": {
			breaks: changed(func(id *vaultstandin.Identity) { id.JWT.BoundAudiences = "127.0.0.1" }),
			reason: "Retrying", want: []string{"500 Internal Server Error", "leave boundAudiences empty"},
		},
		"no-access": {
			breaks: changed(func(id *vaultstandin.Identity) { id.NoAccess = true }),
			want:   []string{"403 Forbidden: You are not allowed", "give the machine identity read access"},
		},
		"git-token": {
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				byJWT(t, w)
				w.register(t, talosSecrets, nil)
				w.git = open(t, w.gitServer(t, "rotated"), "http/1.1")
			},
			heals: mendToken, claimed: true,
			want: []string{"refuses the credential", "renew the token at the vault"},
		},
	} {
		if r.reason == "" {
			r.reason = "Blocked"
		}
		if r.heals == nil {
			r.heals = registerNow
		}
		r.logins = 1
		t.Run(name, r.test)
	}
}

// What seed derives before there is a cluster is what the API server publishes of itself.
func TestJWKSIsTheAPIServers(t *testing.T) {
	t.Parallel()
	type keys struct{ Keys []map[string]string }
	published, err := core.CoreV1().RESTClient().Get().AbsPath("/openid/v1/jwks").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want keys
	if err := json.Unmarshal(published, &want); err != nil {
		t.Fatal(err)
	}
	for _, secrets := range []string{talosSecrets, oldSecrets} {
		derived := renderJWKS[keys](t, secrets, "jwks").Keys[0]
		if !slices.ContainsFunc(want.Keys, func(k map[string]string) bool { return maps.Equal(k, derived) }) {
			t.Errorf("derived %v, the API server publishes %s", derived, published)
		}
	}
}
