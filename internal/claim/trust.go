package claim

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

const (
	// connectTimeout bounds the way to a connection: a vault that is up answers in milliseconds. A call has time
	// for three of them, so that an address that leads nowhere is told apart from a vault that hangs.
	connectTimeout = 4 * time.Second
	// handshakeTimeout bounds the TLS handshake, which takes a loaded vault longer.
	handshakeTimeout = 10 * time.Second
)

// trusting returns the HTTP client for a store's vault: the Claimer's own, which trusts the authorities of
// caBundle or caProvider besides, as External Secrets Operator adds them to those of the system.
func (c *Claimer) trusting(ctx context.Context, vault *esv1.InfisicalProvider) (*http.Client, error) {
	switch {
	case len(vault.CABundle) > 0:
		client, err := c.adding(vault.CABundle)
		if err != nil {
			return nil, failure.Blocked(fmt.Errorf("spec.provider.infisical.caBundle: %w", err))
		}
		return client, nil
	case vault.CAProvider != nil:
		bundle, err := c.provided(ctx, vault.CAProvider)
		if err != nil {
			return nil, fmt.Errorf("spec.provider.infisical.caProvider: %w", err)
		}
		client, err := c.adding(bundle)
		if err != nil {
			return nil, failure.Blocked(fmt.Errorf("spec.provider.infisical.caProvider: key %q of %s %s/%s: %w", vault.CAProvider.Key, vault.CAProvider.Type, *vault.CAProvider.Namespace, vault.CAProvider.Name, err))
		}
		return client, nil
	}
	return c.vault, nil
}

// provided reads the certificates that a caProvider names.
func (c *Claimer) provided(ctx context.Context, from *esv1.CAProvider) ([]byte, error) {
	key := types.NamespacedName{Namespace: *from.Namespace, Name: from.Name}
	var found []byte
	var err error
	if from.Type == esv1.CAProviderTypeConfigMap {
		var m corev1.ConfigMap
		err = c.cluster.Get(ctx, key, &m)
		found = []byte(m.Data[from.Key])
	} else {
		var s corev1.Secret
		err = c.cluster.Get(ctx, key, &s)
		found = s.Data[from.Key]
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, failure.Blocked(fmt.Errorf("reading %s %s: %w: bring it before the vault is asked, or use caBundle", from.Type, key, err))
	case err != nil:
		return nil, fmt.Errorf("reading %s %s: %w", from.Type, key, err)
	case len(found) == 0:
		return nil, failure.Blocked(fmt.Errorf("%s %s has no key %q: put the CA certificate there", from.Type, key, from.Key))
	}
	return found, nil
}

// adding returns the Claimer's HTTP client with the authorities of the PEM bundle added to those it trusts.
func (c *Claimer) adding(bundle []byte) (*http.Client, error) {
	base, ok := c.vault.Transport.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("certificates cannot be added to a %T", c.vault.Transport)
	}
	transport := base.Clone()
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	pool := transport.TLSClientConfig.RootCAs
	if pool == nil {
		var err error
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool() // no authority but the bundle's
		}
	}
	pool = pool.Clone()
	if !pool.AppendCertsFromPEM(bundle) && !pool.AppendCertsFromPEM(encoded(bundle)) {
		return nil, errors.New("no PEM certificate in it: put the CA's certificate there")
	}
	transport.TLSClientConfig.RootCAs = pool
	client := *c.vault
	client.Transport = transport
	return &client, nil
}

// encoded is a bundle that was encoded in base64 once too often, which External Secrets Operator takes.
func encoded(bundle []byte) []byte {
	value, _ := decode(esv1.ExternalSecretDecodeAuto, secret.New(string(bytes.TrimSpace(bundle)))) // Auto never fails
	return []byte(value.Reveal())
}

// HTTPClient returns a client for a vault: HTTP(S)_PROXY and NO_PROXY honoured, the certificates of
// roots trusted (nil: the system's), no redirect followed (a redirect could carry the credential elsewhere).
func HTTPClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout: handshakeTimeout,
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:   true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
