//go:build apiserver

package plant_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

const (
	machine  = "3c90c3cc-0d44-4b50-8888-8dd25736052a" // the ID of the machine identity
	endpoint = "https://10.0.0.1:6443"                // of the cluster, and so its issuer

	jwtAuth = `        universalAuthCredentials:
          clientId: {name: infisical-identity, namespace: NAME, key: clientId}
          clientSecret: {name: infisical-identity, namespace: NAME, key: clientSecret}`
	jwtClaim = `---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: infisical-identity, namespace: NAME}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: vault}
  target: {creationPolicy: Orphan}
  data:
    - {secretKey: clientId, remoteRef: {key: CLIENT_ID}}
    - {secretKey: clientSecret, remoteRef: {key: CLIENT_SECRET}}
`
)

// talosSecrets is the part of Talos' secrets bundle that holds the key with which the API server signs tokens; oldSecrets has
// a key as Talos up to 1.6 makes it, whose tokens the API server takes, too.
var talosSecrets, oldSecrets string

// signTokens lets the API server sign as Talos' does: with an RSA key from the secrets bundle, as the cluster's endpoint.
func signTokens(server *envtest.APIServer, folder string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	old, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	oldDER, err := x509.MarshalECPrivateKey(old)
	if err != nil {
		return err
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	oldPrivate := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: oldDER})
	talosSecrets, oldSecrets = secretsBundle(private), secretsBundle(oldPrivate)
	file, oldFile := filepath.Join(folder, "service-account.key"), filepath.Join(folder, "old-service-account.key")
	server.Configure().Set("service-account-signing-key-file", file).Set("service-account-key-file", file, oldFile).Set("service-account-issuer", endpoint)
	return errors.Join(os.WriteFile(file, private, 0o600), os.WriteFile(oldFile, oldPrivate, 0o600))
}

func secretsBundle(private []byte) string {
	return "certs:\n    k8sserviceaccount:\n        key: " + base64.StdEncoding.EncodeToString(private) + "\n"
}

// registration is what "seed render jwks" prints for programs.
type registration struct{ Issuer, Subject, PublicKey, Kid, Algorithm string }

// renderJWKS has seed derive from secrets what a cluster's tokens look like.
func renderJWKS[T any](t *testing.T, secrets, format string) T {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Getenv("SEED"), "render", "jwks", "--talos-secrets", "-", "--endpoint", endpoint, "--format", format)
	command.Stdin = strings.NewReader(secrets)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("seed render jwks: %v", err)
	}
	var printed T
	if err := json.Unmarshal(out, &printed); err != nil {
		t.Fatal(err)
	}
	return printed
}

// byJWT makes this world's store one with the annotation, whose auth Secret the store itself brings.
func byJWT(t *testing.T, w *world) {
	t.Helper()
	w.auth, w.moreClaims, w.identityLines = jwtAuth, jwtClaim, ""
	w.annotations = "seed.tazlab.net/jwt-identity-id: " + machine
	w.standin.SetSecret("/git", "CLIENT_ID", w.identity().ClientID)
	w.standin.SetSecret("/git", "CLIENT_SECRET", w.clientSecret)
}

// register gives the machine identity what seed derives from secrets, changed by change.
func (w *world) register(t *testing.T, secrets string, change func(*vaultstandin.Identity)) {
	t.Helper()
	printed := renderJWKS[registration](t, secrets, "json")
	w.setIdentity(t, func(id *vaultstandin.Identity) {
		id.ID = machine
		id.JWT = &vaultstandin.JWTAuth{PublicKeys: []string{printed.PublicKey}, BoundIssuer: printed.Issuer, BoundSubject: printed.Subject}
		if change != nil {
			change(id)
		}
	})
}

func registerNow(t *testing.T, w *world) { t.Helper(); w.register(t, talosSecrets, nil) }

// mountTokens does what the kubelet does for the Job's Pod: it asks the API server for each token that the Job projects, and
// puts it in its place.
func (w *world) mountTokens(t *testing.T, job *batchv1.Job) {
	t.Helper()
	pod := job.Spec.Template.Spec
	for _, mount := range pod.Containers[0].VolumeMounts {
		folder, own := strings.CutPrefix(mount.MountPath, "/var/run/secrets/seed.tazlab.net/")
		if !own {
			continue
		}
		at := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		source := pod.Volumes[at].Projected.Sources[0].ServiceAccountToken
		granted, err := core.CoreV1().ServiceAccounts(seedSystem).CreateToken(t.Context(), pod.ServiceAccountName, &authenticationv1.TokenRequest{
			Spec: authenticationv1.TokenRequestSpec{Audiences: []string{source.Audience}, ExpirationSeconds: source.ExpirationSeconds},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.ownToken = granted.Status.Token
		if err := os.Mkdir(filepath.Join(w.tokenDir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.tokenDir, folder, source.Path), []byte(w.ownToken), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
