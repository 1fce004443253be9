package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"

	fluxsecrets "github.com/fluxcd/pkg/runtime/secrets"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-logr/logr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/kubernetes"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
)

// registryOptions is how the registry is asked: whose certificate counts, by which way, as whom.
func (f *fetching) registryOptions(ctx context.Context, repo *sourcev1.OCIRepository) ([]remote.Option, error) {
	keychain, err := f.keychain(ctx, repo)
	if err != nil {
		return nil, err
	}
	transport := remote.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // the library's own type
	if transport.TLSClientConfig, err = f.registryTLS(ctx, repo); err != nil {
		return nil, err
	}
	if f.proxy != nil {
		transport.Proxy = http.ProxyURL(f.proxy)
	}
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(transport), remote.WithAuthFromKeychain(keychain), remote.WithUserAgent("seed"),
		remote.WithRetryBackoff(remote.Backoff{Duration: registryPause, Factor: 1, Steps: registryTries}),
	}, nil
}

// anonymous is the keychain of who has no credential. The library's own default would look for a home.
type anonymous struct{}

func (anonymous) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

// keychain holds the credentials of the pull secret that spec.secretRef names.
func (f *fetching) keychain(ctx context.Context, repo *sourcev1.OCIRepository) (authn.Keychain, error) {
	secret, err := f.secret(ctx, "spec.secretRef", repo.Spec.SecretRef)
	if err != nil {
		return nil, err
	}
	if secret == nil {
		return anonymous{}, nil
	}
	secret.Type = corev1.SecretTypeDockerConfigJson
	if len(secret.Data[corev1.DockerConfigJsonKey]) == 0 {
		return nil, wrongSecret("spec.secretRef", secret, fmt.Errorf("it has no key %s: it must be of the type %s", corev1.DockerConfigJsonKey, secret.Type))
	}
	keychain, err := kubernetes.NewFromPullSecrets(ctx, []corev1.Secret{*secret})
	if err != nil {
		// The library's error may quote what it read.
		return nil, wrongSecret("spec.secretRef", secret, fmt.Errorf("its key %s is not of the form {\"auths\": {\"HOST\": {\"username\": …, \"password\": …}}}", corev1.DockerConfigJsonKey))
	}
	return keychain, nil
}

// registryTLS trusts the machine's certificates and those of the Secret that spec.certSecretRef names.
func (f *fetching) registryTLS(ctx context.Context, repo *sourcev1.OCIRepository) (*tls.Config, error) {
	secret, err := f.secret(ctx, "spec.certSecretRef", repo.Spec.CertSecretRef)
	if err != nil {
		return nil, err
	}
	if secret == nil {
		//nolint:gosec // What spec.insecure means to Flux, without a spec.certSecretRef.
		return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: repo.Spec.Insecure}, nil
	}
	quiet := logr.NewContext(ctx, logr.Discard()) // the library would log a warning where a key has its old name
	config, err := fluxsecrets.TLSConfigFromSecret(quiet, secret, fluxsecrets.WithSystemCertPool())
	if err != nil {
		return nil, wrongSecret("spec.certSecretRef", secret, errors.New("it must hold PEM: ca.crt, or tls.crt with tls.key, or all three"))
	}
	config.MinVersion = tls.VersionTLS12
	return config, nil
}
