//go:build apiserver

package plant_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tazlab/seed/castle/internal/faults"
	"github.com/tazlab/seed/castle/internal/pki"
)

// door is a server over TLS on loopback that fails when told to and remembers the credentials that came in.
type door struct {
	*faults.Handler
	server    *httptest.Server
	protocols []string // that TLS offers; faults look different to clients of HTTP/1.1 and HTTP/2
	config    atomic.Pointer[tls.Config]

	mu          sync.Mutex
	credentials []string // every Authorization header
}

// open starts a server with a good certificate.
func open(t *testing.T, handler http.Handler, protocols ...string) *door {
	t.Helper()
	d := &door{Handler: faults.New(handler), protocols: protocols}
	d.present(t, ca, good)
	d.server = httptest.NewUnstartedServer(d)
	d.server.Config.ConnContext = faults.ConnContext
	d.server.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are what is tested
	d.server.EnableHTTP2 = true
	d.server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return d.config.Load(), nil }}
	d.server.StartTLS()
	t.Cleanup(d.server.Close)
	return d
}

// good is what a certificate for these servers must say.
var good = pki.Request{CommonName: "castle", DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Server: true}

// present changes the certificate for the connections to come.
func (d *door) present(t *testing.T, by *pki.CA, request pki.Request) {
	t.Helper()
	pair, err := by.Issue(request)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	d.config.Store(&tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: d.protocols})
}

// ServeHTTP implements http.Handler.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if header := r.Header.Get("Authorization"); header != "" {
		d.mu.Lock()
		d.credentials = append(d.credentials, header)
		d.mu.Unlock()
	}
	d.Handler.ServeHTTP(w, r)
}

// seen are the credentials so far.
func (d *door) seen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.credentials...)
}

// badCertificates are what can be wrong with a server's certificate, and what the error must say.
func badCertificates() map[string]struct {
	by      *pki.CA
	request pki.Request
	want    []string
} {
	wrongName, expired, early := good, good, good
	wrongName.DNSNames, wrongName.IPs = []string{"elsewhere.example"}, nil
	expired.NotAfter = time.Now().Add(-time.Minute)
	early.NotBefore = time.Now().Add(time.Hour)
	return map[string]struct {
		by      *pki.CA
		request pki.Request
		want    []string
	}{
		"certificate-of-another-name": {ca, wrongName, []string{"x509: ", "127.0.0.1"}},
		"certificate-expired":         {ca, expired, []string{"x509: certificate has expired or is not yet valid"}},
		"certificate-of-the-future":   {ca, early, []string{"x509: certificate has expired or is not yet valid"}},
		"certificate-of-a-stranger":   {stranger, good, []string{"x509: certificate signed by unknown authority"}},
	}
}

// byName is an address of the server under another host name than that of its URL.
func (d *door) byName(path string) string {
	return strings.Replace(d.server.URL, "127.0.0.1", "localhost", 1) + path
}

// trusting is a transport for the tests' own requests.
func trusting() *http.Transport {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Cert)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
}
