//go:build apiserver

package plant_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

// podToken is what the kubelet would have mounted for the vault.
const podToken = "a.projected.token"

// reviewed is the TokenReview of the vault's Kubernetes Auth.
func reviewed(_ context.Context, token string) (namespace, name string, err error) {
	if token != podToken {
		return "", "", errors.New("unknown token")
	}
	return seedSystem, "seed", nil
}

// Each other login that a store may ask for, with seed's binary: how often it logs in, and what it revokes.
func TestLogins(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "https://cluster", "sub": "system:serviceaccount:seed-system:seed", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("/var/tmp", "seed-token-") // the Pod has a tmpfs on /tmp
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	file := filepath.Join(folder, "token")
	if err := os.WriteFile(file, []byte(podToken), 0o600); err != nil {
		t.Fatal(err)
	}
	accessToken := rand.Text()
	for name, test := range map[string]struct {
		auth, lines string
		identity    vaultstandin.Identity
		logins      int
	}{
		"jwt": {
			"        jwtAuthCredentials:\n          identityId: {name: NAME, namespace: seed-system, key: id}\n          jwt: {name: NAME, namespace: seed-system, key: jwt}",
			"id=machine\njwt=" + signed + "\n",
			vaultstandin.Identity{ID: "machine", JWT: &vaultstandin.JWTAuth{
				PublicKeys:  []string{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))},
				BoundIssuer: "https://cluster", BoundSubject: "system:serviceaccount:seed-system:seed",
			}}, 1,
		},
		"kubernetes": {
			"        kubernetesAuthCredentials:\n          identityId: {name: NAME, namespace: seed-system, key: id}\n          serviceAccountTokenPath: {name: NAME, namespace: seed-system, key: path}",
			"id=machine\npath=" + file + "\n",
			vaultstandin.Identity{ID: "machine", Kubernetes: &vaultstandin.KubernetesAuth{AllowedNamespaces: []string{seedSystem}, AllowedNames: []string{"seed"}}}, 1,
		},
		// The token is not seed's to revoke: others live on it.
		"token": {
			"        tokenAuthCredentials:\n          accessToken: {name: NAME, namespace: seed-system, key: token}",
			"token=" + accessToken + "\n", vaultstandin.Identity{Token: accessToken}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w := newWorld(t)
			w.auth, w.identityLines = test.auth, test.lines
			w.setIdentity(t, func(id *vaultstandin.Identity) {
				test.identity.Name = id.Name
				*id = test.identity
			})
			w.prepare(t)
			s := w.start(t)
			if err := s.says(ctx, `msg="apply the root sync" state=done`); err != nil {
				t.Fatal(err)
			}
			if err := s.end(ctx); err != nil {
				t.Error(err)
			}
			w.wantSecret(t, true)
			w.wantPlanted(t, true)
			if logins, revoked := len(w.vault.Calls(login)), len(w.vault.Calls(revoke)); logins != test.logins || revoked != test.logins {
				t.Errorf("%d logins and %d tokens revoked, want %d of each", logins, revoked, test.logins)
			}
			w.wantNoCredential(t, s)
		})
	}
}
