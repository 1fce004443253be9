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
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/test/loopback"
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

// wanted calls a server that wants a client certificate.
func wanted(t *testing.T) error {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	return get(t, server.URL, server.Client().Transport.(*http.Transport))
}

// overHTTP2 calls a server of HTTP/2.
func overHTTP2(t *testing.T, handle http.HandlerFunc) error {
	t.Helper()
	server := httptest.NewUnstartedServer(handle)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	return get(t, server.URL, server.Client().Transport.(*http.Transport))
}

// goingAway calls a server that takes the request, says GOAWAY and ends the connection
// (https://www.rfc-editor.org/rfc/rfc9113#name-goaway).
func goingAway(t *testing.T) error {
	t.Helper()
	pair := certificate(t, "", -time.Hour, time.Hour)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		_, _ = connection.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0}) // SETTINGS
		const headers = 1
		_, _ = io.ReadFull(connection, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
		for kind := byte(0xff); kind != headers; {
			frame := make([]byte, 9)
			if _, err := io.ReadFull(connection, frame); err != nil {
				return
			}
			kind = frame[3]
			_, _ = io.CopyN(io.Discard, connection, int64(frame[0])<<16|int64(frame[1])<<8|int64(frame[2]))
		}
		// GOAWAY: stream 1 was seen, ENHANCE_YOUR_CALM.
		_, _ = connection.Write([]byte{0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xb})
		_ = connection.(*tls.Conn).CloseWrite()
		_, _ = io.Copy(io.Discard, connection) // until the client has read it
	}()
	return get(t, "https://"+listener.Addr().String(), &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true})
}

// ever bounds a call that ends by itself.
const ever = time.Minute

// get returns the error of reading the whole answer of url, which ends by itself.
func get(t *testing.T, url string, transport *http.Transport) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), ever)
	defer cancel()
	return ask(ctx, t, url, transport)
}

func ask(ctx context.Context, t *testing.T, url string, transport *http.Transport) error {
	t.Helper()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	return err
}

// unanswered calls a server that never answers. The time is over as soon as the server has the request: what took it away before
// that would be another class.
func unanswered(t *testing.T) error {
	t.Helper()
	ctx, over := context.WithCancelCause(t.Context())
	defer over(nil)
	hanging := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		over(context.DeadlineExceeded)
		<-r.Context().Done()
	})
	return ask(ctx, t, hanging, &http.Transport{})
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
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "half")
	})
	asking := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	unwilling := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mute, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	go func() {
		for connection, err := mute.Accept(); err == nil; connection, err = mute.Accept() {
			connection.Close()
		}
	}()
	through := func(proxy string) *http.Transport {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Transport{Proxy: http.ProxyURL(u)}
	}
	closed := "http://" + loopback.Address()
	deaf := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: syscall.ENETUNREACH}
	}}
	for name, test := range map[string]struct {
		err         error
		want        string
		certificate bool
	}{
		"unknown authority":  {call(t, certificate(t, "", -time.Hour, time.Hour), false), "TLS: seed does not trust the authority that signed the server's certificate: put that CA's certificate into AUTHORITIES, or", true},
		"wrong name":         {call(t, certificate(t, "other.example.com", -time.Hour, time.Hour), true), "TLS: the server's certificate is not for 127.0.0.1", true},
		"expired":            {call(t, certificate(t, "", -time.Hour, -time.Minute), true), "TLS: the server's certificate has expired", true},
		"not yet valid":      {call(t, certificate(t, "", time.Hour, 2*time.Hour), true), "clock: the server's certificate is valid from", true},
		"no TLS":             {get(t, strings.Replace(plain, "http:", "https:", 1), &http.Transport{}), "TLS: the server does not speak TLS there", false},
		"refused":            {get(t, closed, &http.Transport{}), "route: nobody listens", false},
		"hanging":            {unanswered(t), "timeout: no answer in time, LIMIT:", false},
		"client certificate": {wanted(t), "TLS: the server refused the handshake: it may want TLS below 1.2, or a client certificate in KEYPAIR", false},
		"HTTP/2 stream":      {overHTTP2(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "cut:", false},
		"HTTP/2 stream, late": {overHTTP2(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}), "cut:", false},
		"HTTP/2 connection":  {goingAway(t), "cut:", false},
		"cut":                {get(t, cut, &http.Transport{}), "cut:", false},
		"proxy away":         {get(t, "https://vault.example.com", through(closed)), "proxy: it cannot be reached: check the address in PROXY", false},
		"SOCKS proxy away":   {get(t, "https://vault.example.com", through(strings.Replace(closed, "http:", "socks5:", 1))), "proxy: it cannot be reached: check the address in PROXY", false},
		"no SOCKS proxy":     {get(t, "https://vault.example.com", through("socks5://"+mute.Addr().String())), "proxy: it gives no way to the server", false},
		"proxy is unwilling": {get(t, "https://vault.example.com", through(unwilling)), "proxy: it gives no way to the server", false},
		"proxy asks":         {get(t, "https://vault.example.com", through(asking)), "proxy: it does not take username and password: correct them in PROXY", false},
		"name servers away":  {get(t, "http://vault.example.com", &http.Transport{DialContext: (&net.Dialer{Resolver: deaf}).DialContext}), "DNS: no name server answers for vault.example.com", false},
	} {
		if got := failure.Network(test.err, places); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: Network(%v) = %q, want %q...", name, test.err, got, test.want)
		}
		if failure.Certificate(test.err) != test.certificate {
			t.Errorf("%s: Certificate(%v) = %v", name, test.err, !test.certificate)
		}
	}
}

// places stand for what callers say.
var places = failure.Settings{CA: "AUTHORITIES", ClientCertificate: "KEYPAIR", Proxy: "PROXY", Timeout: "LIMIT"}

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
		"TLS: the server's certificate cannot be":    {x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}},
	} {
		for _, err := range errs {
			if got := failure.Network(err, places); !strings.HasPrefix(got, want) {
				t.Errorf("Network(%v) = %q, want %q...", err, got, want)
			}
		}
	}
	for _, err := range []error{nil, context.Canceled, errors.New("something else"), fmt.Errorf("reading: %w", context.Canceled)} {
		if got := failure.Network(err, places); got != "" {
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

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // its clock begins with the year 2000
		for value, want := range map[string]time.Duration{
			"": 0, "9": 9 * time.Second, "soon": 0, "-1": 0, "Sat, 01 Jan 2000 00:00:05 GMT": 5 * time.Second, "Fri, 31 Dec 1999 00:00:00 GMT": 0,
		} {
			if got := failure.RetryAfter(http.Header{"Retry-After": {value}}); got != want {
				t.Errorf("RetryAfter(%q) = %s, want %s", value, got, want)
			}
		}
	})
}
