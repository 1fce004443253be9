package failure_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/failure"
)

// certificate is self-signed for 127.0.0.1, or for name if given, from and until the given times from now.
func certificate(t *testing.T, name string, from, until time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if name != "" {
		template.DNSNames, template.IPAddresses = []string{name}, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// call gets the root of a server with that certificate, trusting it if trust is set, and returns the error.
func call(t *testing.T, c tls.Certificate, trust bool) error {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	if trust {
		pool.AddCert(server.Certificate())
	}
	return get(t, server.URL, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}})
}

// get returns the error of reading the whole answer of url within a moment.
func get(t *testing.T, url string, transport *http.Transport) error {
	t.Helper()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport, Timeout: time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	return err
}

// serve runs a server for one test and returns its URL.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

func TestNetworkNamesTheClassOfRealErrors(t *testing.T) {
	t.Parallel()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	hanging := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "half")
	})
	asking := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	through := func(proxy string) *http.Transport {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Transport{Proxy: http.ProxyURL(u)}
	}
	// A port that somebody listened at a moment ago.
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	listener.Close()
	deaf := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: syscall.ENETUNREACH}
	}}
	for name, test := range map[string]struct {
		err         error
		want        string
		certificate bool
	}{
		"unknown authority": {call(t, certificate(t, "", -time.Hour, time.Hour), false), "TLS: seed does not trust the authority", true},
		"wrong name":        {call(t, certificate(t, "other.example.com", -time.Hour, time.Hour), true), "TLS: the server's certificate is not for 127.0.0.1", true},
		"expired":           {call(t, certificate(t, "", -time.Hour, -time.Minute), true), "TLS: the server's certificate has expired", true},
		"not yet valid":     {call(t, certificate(t, "", time.Hour, 2*time.Hour), true), "clock: the server's certificate is valid from", true},
		"no TLS":            {get(t, strings.Replace(plain, "http:", "https:", 1), &http.Transport{}), "TLS: the server does not speak TLS there", false},
		"refused":           {get(t, closed, &http.Transport{}), "route: nobody listens", false},
		"hanging":           {get(t, hanging, &http.Transport{}), "timeout:", false},
		"cut":               {get(t, cut, &http.Transport{}), "cut:", false},
		"proxy away":        {get(t, "https://vault.example.com", through(closed)), "proxy: it cannot be reached", false},
		"proxy asks":        {get(t, "https://vault.example.com", through(asking)), "proxy: it wants credentials", false},
		"name servers away": {get(t, "http://vault.example.com", &http.Transport{DialContext: (&net.Dialer{Resolver: deaf}).DialContext}), "DNS: no name server answers for vault.example.com", false},
	} {
		if got := failure.Network(test.err); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: Network(%v) = %q, want %q...", name, test.err, got, test.want)
		}
		if failure.Certificate(test.err) != test.certificate {
			t.Errorf("%s: Certificate(%v) = %v", name, test.err, !test.certificate)
		}
	}
}

// Errors that no test machine can be brought to make.
func TestNetworkNamesTheClass(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for want, errs := range map[string][]error{
		"DNS: the name a.example.com does not exist": {dial(&net.DNSError{Name: "a.example.com", IsNotFound: true})},
		"DNS: no name server answers":                {dial(&net.DNSError{Name: "a.example.com", IsTimeout: true})},
		"route: the node knows no way":               {dial(syscall.ENETUNREACH), dial(syscall.EHOSTUNREACH)},
		"route: nothing comes back":                  {dial(context.DeadlineExceeded), dial(syscall.ETIMEDOUT)},
		"route: no connection":                       {dial(syscall.EADDRNOTAVAIL)},
		"timeout:":                                   {fmt.Errorf("calling: %w", context.DeadlineExceeded)},
		"cut:":                                       {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, io.ErrUnexpectedEOF, io.EOF},
		"TLS: the server refused the handshake":      {&net.OpError{Op: "remote error", Err: tls.AlertError(40)}},
		"TLS: the server's certificate cannot be":    {x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}},
	} {
		for _, err := range errs {
			if got := failure.Network(err); !strings.HasPrefix(got, want) {
				t.Errorf("Network(%v) = %q, want %q...", err, got, want)
			}
		}
	}
	for _, err := range []error{nil, context.Canceled, errors.New("something else"), fmt.Errorf("reading: %w", context.Canceled)} {
		if got := failure.Network(err); got != "" {
			t.Errorf("Network(%v) = %q, want nothing", err, got)
		}
	}
}

func TestAfterSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	cause := errors.New("rate limit")
	err := fmt.Errorf("claiming: %w", failure.After(cause, time.Minute))
	if failure.Wait(err) != time.Minute || !errors.Is(err, cause) || failure.IsBlocked(err) || failure.IsInvalid(err) {
		t.Errorf("After: %v, waiting %s", err, failure.Wait(err))
	}
	if failure.After(nil, time.Minute) != nil || failure.Wait(cause) != 0 || failure.Wait(nil) != 0 {
		t.Error("what nobody marked asks for a wait")
	}
}
