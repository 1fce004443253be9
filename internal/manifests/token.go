package manifests

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
)

// tokenSeconds is how long a projected token lives, the shortest that the API server gives; the kubelet renews it.
const tokenSeconds = 600

// token is a service-account token of seed's own for one vault. Its audience is the vault's host: the token that
// the API server accepts must never be sent to a vault.
type token struct{ name, dir, file, audience string }

// projectedTokens are those that stores with Kubernetes Auth read, each from the file that the identity names, and one for
// the vault of each store with bundle.JWTIdentityAnnotation.
func projectedTokens(claims []bundle.Claim, identity []*corev1.Secret) ([]token, error) {
	var tokens []token
	for _, c := range claims {
		if c.Store == nil {
			continue
		}
		file, err := tokenFile(c, identity)
		if err != nil {
			return nil, err
		}
		if file == "" {
			continue
		}
		t := token{name: fmt.Sprintf("token-%d", len(tokens)), dir: path.Dir(file), file: path.Base(file), audience: bundle.VaultHost(c.Store)}
		known, err := t.among(tokens)
		if err != nil {
			return nil, fmt.Errorf("ClusterSecretStore %s: %w", c.Store.Name, err)
		}
		if !known {
			tokens = append(tokens, t)
		}
	}
	return tokens, nil
}

// tokenFile is the file from which seed reads a token to log in at the store of c; "" where it logs in otherwise.
func tokenFile(c bundle.Claim, identity []*corev1.Secret) (string, error) {
	if bundle.JWTIdentity(c.Store) != "" {
		return claim.TokenFile(claim.TokenDir, c.Store), nil
	}
	auth := c.Store.Spec.Provider.Infisical.Auth.KubernetesAuthCredentials
	if auth == nil {
		return "", nil
	}
	for _, s := range identity {
		if s.Name == auth.ServiceAccountTokenPath.Name {
			file := s.StringData[auth.ServiceAccountTokenPath.Key]
			return file, checkTokenFile(c, file)
		}
	}
	return "", nil
}

// checkTokenFile refuses a place where no token of its own can be mounted.
func checkTokenFile(c bundle.Claim, file string) error {
	if !path.IsAbs(file) || path.Clean(file) != file || path.Dir(file) == "/" {
		return fmt.Errorf("ClusterSecretStore %s: the identity's serviceAccountTokenPath must be an absolute path of a file in a folder of its own, such as /var/run/secrets/vault/token", c.Store.Name)
	}
	for _, taken := range []string{"/var/run/secrets/kubernetes.io/", claim.TokenDir, ConfigDir, "/tmp/"} {
		if strings.HasPrefix(file, taken) {
			return fmt.Errorf("ClusterSecretStore %s: the identity's serviceAccountTokenPath lies in a folder that seed's Pod has already: name another, such as /var/run/secrets/vault/token (the token for the API server is never sent to a vault)", c.Store.Name)
		}
	}
	return nil
}

// among tells whether the Pod has the token already. Two in one folder cannot be mounted.
func (t token) among(tokens []token) (bool, error) {
	for _, other := range tokens {
		if other.dir != t.dir {
			continue
		}
		if other.file != t.file || other.audience != t.audience {
			return false, fmt.Errorf("the identity's serviceAccountTokenPath lies in %s, where another store has its own token: name a folder for each", t.dir)
		}
		return true, nil
	}
	return false, nil
}

func (t token) volume() corev1.Volume {
	return corev1.Volume{Name: t.name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Path: t.file, Audience: t.audience, ExpirationSeconds: new(int64(tokenSeconds)),
		}}},
	}}}
}
