package diagnose_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// soon ends a call to whom nobody ever answers, ever one that ends by itself. No test is about how long a call took.
const (
	soon = 200 * time.Millisecond
	ever = time.Minute
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// full is an address whose queue of connections is full: the kernel answers no further one, as if a firewall dropped it.
func full(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil { // a queue of length 0 takes one
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	connection, err := (&net.Dialer{Timeout: ever}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	awaitQueued(t, fd)
	return address
}

// awaitQueued waits until the kernel has a connection in the queue of a listening socket. The caller may see it stand before that.
func awaitQueued(t *testing.T, fd int) {
	t.Helper()
	for {
		var queued syscall.FdSet
		queued.Bits[fd/64] = 1 << (fd % 64)
		n, err := syscall.Select(fd+1, &queued, nil, nil, &syscall.Timeval{Sec: int64(ever / time.Second)})
		if n > 0 {
			return
		}
		if !errors.Is(err, syscall.EINTR) {
			t.Fatalf("no connection is queued: %v", err)
		}
	}
}

func dial(t *testing.T, limit time.Duration, resolver *net.Resolver, address string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	connection, err := (&net.Dialer{Resolver: resolver}).DialContext(ctx, "tcp", address)
	if err == nil {
		connection.Close()
	}
	return err
}

// get is the error of reading the whole answer of url, which ends by itself.
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

// unanswered is the error of a call to a server that never says a word. The time is over as soon as the server has heard the first
// byte: what took it away before that would be another class.
func unanswered(t *testing.T, scheme string) error {
	t.Helper()
	ctx, over := context.WithCancelCause(t.Context())
	defer over(nil)
	listener := listen(t)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		if _, err := connection.Read(make([]byte, 1)); err == nil {
			over(context.DeadlineExceeded)
		}
		_, _ = io.Copy(io.Discard, connection) // until the other side hangs up
	}()
	return ask(ctx, t, scheme+listener.Addr().String(), &http.Transport{})
}

func through(t *testing.T, proxy string) *http.Transport {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Transport{Proxy: http.ProxyURL(u)}
}

// certified calls a server with a certificate for name that is valid from and until the given times from now.
func certified(t *testing.T, name string, from, until time.Duration, trust bool) error {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(name)},
	}
	if template.IPAddresses[0] == nil {
		template.IPAddresses = nil
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := encrypted(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	pool := x509.NewCertPool()
	if trust {
		pool.AddCert(server.Certificate())
	}
	return get(t, server.URL, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}})
}

func encrypted(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

// nameServer is a resolver that asks a name server on loopback, which gives every question that answer, or none if it
// is negative.
func nameServer(t *testing.T, answer int) *net.Resolver {
	t.Helper()
	socket, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		for buffer := make([]byte, 1500); ; {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			var message dnsmessage.Message
			if message.Unpack(buffer[:n]) != nil || answer < 0 {
				continue
			}
			message.Response, message.RecursionAvailable, message.RCode, message.Additionals = true, true, dnsmessage.RCode(answer), nil
			packed, err := message.Pack()
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(packed, from)
		}
	}()
	return asking(socket.LocalAddr().String())
}

// asking is a resolver that asks the name server at address and no other.
func asking(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", address)
	}}
}

// muted accepts connections and closes them.
func muted(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	go func() {
		for connection, err := listener.Accept(); err == nil; connection, err = listener.Accept() {
			connection.Close()
		}
	}()
	return listener.Addr().String()
}
