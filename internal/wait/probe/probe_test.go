package probe_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/tazlab/seed/internal/wait/diagnose"
	"github.com/tazlab/seed/internal/wait/probe"
	"github.com/tazlab/seed/internal/wait/target"
	"github.com/tazlab/seed/test/loopback"
)

// TestMain sets the proxy, which net/http reads once in a process. It is for names only: loopback is never proxied.
func TestMain(m *testing.M) {
	theProxy = httptest.NewServer(http.HandlerFunc(serveProxy))
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "NO_PROXY", "REQUEST_METHOD"} {
		os.Unsetenv(name)
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		os.Setenv(name, strings.Replace(theProxy.URL, "http://", "http://somebody:hush@", 1))
	}
	code := m.Run()
	theProxy.Close()
	os.Exit(code)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// met wants a probe to find detail.
func met(t *testing.T, p probe.Probe, detail string) {
	t.Helper()
	if got, err := p.Probe(t.Context()); err != nil || got != detail {
		t.Errorf("Probe() = %q, %v, want %q", got, err, detail)
	}
}

// notYet wants an error that says so, of that class, and that goes on.
func notYet(t *testing.T, p probe.Probe, class, says string) error {
	t.Helper()
	detail, err := p.Probe(t.Context())
	if err == nil || detail != "" || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("Probe() = %q, %v, want an error with %q", detail, err, says)
	}
	if got := diagnose.Class(err); got != class {
		t.Errorf("the class of %q is %q, want %q", err, got, class)
	}
	if target.IsUnusable(err) {
		t.Errorf("%q is unusable, want an error that may pass", err)
	}
	return err
}

// never wants an error that asking again does not cure.
func never(t *testing.T, p probe.Probe, says string) {
	t.Helper()
	detail, err := p.Probe(t.Context())
	if !target.IsUnusable(err) || detail != "" || !strings.Contains(err.Error(), says) {
		t.Errorf("Probe() = %q, %v, want it unusable with %q", detail, err, says)
	}
}

func TestTCP(t *testing.T) {
	t.Parallel()
	met(t, probe.TCP(listen(t).Addr().String()), "accepts connections")
	away := loopback.Address()
	notYet(t, probe.TCP(away), "refused", "dialling "+away+": ")
	for _, address := range []string{"", "db", "db:", ":5432", "fd00::7"} {
		never(t, probe.TCP(address), "no HOST:PORT")
	}
}

// names is a resolver that asks a name server on loopback: count addresses for each name, no such name if it is 0, no
// answer if it is negative.
func names(t *testing.T, count int) *net.Resolver {
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
			if answer := resolve(buffer[:n], count); answer != nil {
				_, _ = socket.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

func resolve(question []byte, count int) []byte {
	var message dnsmessage.Message
	if message.Unpack(question) != nil || count < 0 {
		return nil
	}
	message.Response, message.RecursionAvailable, message.Additionals = true, true, nil
	if count == 0 {
		message.RCode = dnsmessage.RCodeNameError
	}
	for i := range count {
		if asked := message.Questions[0]; asked.Type == dnsmessage.TypeA {
			header := dnsmessage.ResourceHeader{Name: asked.Name, Class: asked.Class, TTL: 5}
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: [4]byte{10, 0, 0, byte(7 + i)}}})
		}
	}
	packed, err := message.Pack()
	if err != nil {
		return nil
	}
	return packed
}

func TestDNS(t *testing.T) {
	t.Parallel()
	const name = "db.apps.invalid."
	met(t, probe.DNS(name, names(t, 1)), "10.0.0.7")
	met(t, probe.DNS(name, names(t, 3)), "10.0.0.7, 10.0.0.8, 10.0.0.9")
	met(t, probe.DNS(name, names(t, 5)), "10.0.0.7, 10.0.0.8, 10.0.0.9 and 2 more")
	notYet(t, probe.DNS(name, names(t, 0)), "DNS", "looking up "+name+": ")
	// Whoever looks an address up finds it, whatever is there.
	for _, address := range []string{"", "10.0.0.7", "fd00::7"} {
		never(t, probe.DNS(address, names(t, 1)), fmt.Sprintf("looking up %q: it is no name", address))
	}
}

// A probe ends by itself, though nobody answers and its context allows more.
func TestProbesEnd(t *testing.T) {
	t.Parallel()
	listener := listen(t) // the kernel accepts, nobody else does
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	var all sync.WaitGroup // each takes its 5 seconds, so all at once
	for name, p := range map[string]probe.Probe{
		"HTTP":       probe.HTTP(&url.URL{Scheme: "http", Host: listener.Addr().String()}, nil, ""),
		"HTTPS":      probe.HTTP(&url.URL{Scheme: "https", Host: listener.Addr().String()}, nil, ""),
		"DNS":        probe.DNS("db.apps.invalid.", names(t, -1)),
		"PostgreSQL": probe.Postgres(probe.Server{Host: "127.0.0.1", Port: port}),
		"plain":      probe.Postgres(probe.Server{Host: "127.0.0.1", Port: port, SSLMode: "disable"}),
	} {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			detail, err := p.Probe(ctx)
			if class := diagnose.Class(err); class != "timeout" && class != "DNS" || ctx.Err() != nil {
				t.Errorf("%s: Probe() = %q, %v", name, detail, err)
			}
		})
	}
	all.Wait()
}

func TestProbesEndWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []probe.Probe{
		probe.TCP(listen(t).Addr().String()), probe.DNS("db.apps.invalid.", names(t, -1)),
		probe.HTTP(&url.URL{Scheme: "http", Host: listen(t).Addr().String()}, nil, ""),
		probe.Postgres(probe.Server{Host: "127.0.0.1", Port: uint16(listen(t).Addr().(*net.TCPAddr).Port)}),
	} {
		if detail, err := p.Probe(ctx); err == nil {
			t.Errorf("%T: Probe() = %q, want an error", p, detail)
		}
	}
}
