package manifests

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/bundle"
)

// tokenSeconds is how long a projected token lives, the shortest that the API server gives; the kubelet renews it.
const tokenSeconds = 600

// token is a service-account token of seed's own for one vault. Its audience is the vault's host: the token that
// the API server accepts must never be sent to a vault.
type token struct{ name, dir, file, audience string }

// projectedTokens are those that stores with Kubernetes Auth read: each from the file that the identity names.
func projectedTokens(claims []bundle.Claim, identity []*corev1.Secret) ([]token, error) {
	var tokens []token
	for _, c := range claims {
		if c.Store == nil || c.Store.Spec.Provider.Infisical.Auth.KubernetesAuthCredentials == nil {
			continue
		}
		ref := c.Store.Spec.Provider.Infisical.Auth.KubernetesAuthCredentials.ServiceAccountTokenPath
		for _, s := range identity {
			if s.Name != ref.Name {
				continue
			}
			t, err := newToken(c, s.StringData[ref.Key], fmt.Sprintf("token-%d", len(tokens)))
			if err != nil {
				return nil, err
			}
			known, err := t.among(tokens)
			if err != nil {
				return nil, fmt.Errorf("ClusterSecretStore %s: %w", c.Store.Name, err)
			}
			if !known {
				tokens = append(tokens, t)
			}
		}
	}
	return tokens, nil
}

func newToken(c bundle.Claim, file, name string) (token, error) {
	if !path.IsAbs(file) || path.Clean(file) != file || path.Dir(file) == "/" {
		return token{}, fmt.Errorf("ClusterSecretStore %s: the identity's serviceAccountTokenPath must be an absolute path of a file in a folder of its own, such as /var/run/secrets/vault/token", c.Store.Name)
	}
	if strings.HasPrefix(file, "/var/run/secrets/kubernetes.io/") || strings.HasPrefix(file, ConfigDir) || strings.HasPrefix(file, "/tmp/") {
		return token{}, fmt.Errorf("ClusterSecretStore %s: the identity's serviceAccountTokenPath lies in a folder that seed's Pod has already: name another, such as /var/run/secrets/vault/token (the token for the API server is never sent to a vault)", c.Store.Name)
	}
	vault, err := url.Parse(c.Store.Spec.Provider.Infisical.HostAPI)
	if err != nil {
		return token{}, fmt.Errorf("ClusterSecretStore %s: hostAPI: %w", c.Store.Name, err)
	}
	return token{name: name, dir: path.Dir(file), file: path.Base(file), audience: vault.Hostname()}, nil
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
