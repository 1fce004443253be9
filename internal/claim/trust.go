package claim

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
)

// trusting returns the HTTP client for a vault whose certificate the PEM bundle vouches for; without a
// bundle it is the Claimer's own.
func (c *Claimer) trusting(bundle []byte) (*http.Client, error) {
	if len(bundle) == 0 {
		return c.vault, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		return nil, errors.New("no PEM certificate in it")
	}
	return HTTPClient(pool), nil
}

// HTTPClient returns a client for a vault: HTTP(S)_PROXY and NO_PROXY honoured, the certificates of
// roots trusted, no redirect followed (a redirect could carry the credential elsewhere).
func HTTPClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
