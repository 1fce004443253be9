//go:build apiserver

package waitfor_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// gateway stands between a Pod and the API server, as a load balancer does. It sees every request, and can answer itself.
type gateway struct {
	server *httptest.Server
	// answer answers a request itself; false lets it pass. May be nil, and is set before waitfor starts.
	answer func(http.ResponseWriter, *http.Request) bool

	mu      sync.Mutex
	asked   []asked
	cut     map[int]context.CancelFunc // the requests under way
	carried bytes.Buffer               // all that the API server has answered
}

// asked is a request.
type asked struct{ method, path, query, accept string }

func (a asked) watch() bool { return strings.Contains(a.query, "watch=true") }

// newGateway sends the Pod's requests through a gateway.
func newGateway(t *testing.T, config *rest.Config, p *pod) *gateway {
	t.Helper()
	upstream, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(config.CAData)
	g := &gateway{cut: map[int]context.CancelFunc{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		FlushInterval: -1, ModifyResponse: g.carry, ErrorLog: log.New(io.Discard, "", 0),
	}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, done := g.note(r)
		defer done()
		if g.answer == nil || !g.answer(w, r) {
			proxy.ServeHTTP(w, r.WithContext(ctx)) //nolint:contextcheck // it is made of the request's own
		}
	}))
	g.server.EnableHTTP2 = true
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.StartTLS()
	t.Cleanup(func() { g.cutAll(); g.server.CloseClientConnections(); g.server.Close() })
	if p.host, p.port, err = net.SplitHostPort(g.server.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	p.write(t, filepath.Join(p.tokenDir, "ca.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})))
	return g
}

func (g *gateway) note(r *http.Request) (context.Context, func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	n := len(g.asked)
	g.asked = append(g.asked, asked{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Accept")})
	g.cut[n] = cancel
	return ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		cancel()
		delete(g.cut, n)
	}
}

// cutAll ends every request under way, as a load balancer does that is restarted.
func (g *gateway) cutAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, cancel := range g.cut {
		cancel()
	}
}

// requests are those that a test looks at; nil: all.
func (g *gateway) requests(which func(asked) bool) []asked {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []asked
	for _, a := range g.asked {
		if which == nil || which(a) {
			all = append(all, a)
		}
	}
	return all
}

// carry keeps a copy of what the API server answers.
func (g *gateway) carry(r *http.Response) error {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, lockedWriter{g}), r.Body}
	return nil
}

type lockedWriter struct{ g *gateway }

// Write implements io.Writer.
func (w lockedWriter) Write(p []byte) (int, error) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	return w.g.carried.Write(p)
}

// hasCarried tells whether the API server has answered with that text, plain or in base64.
func (g *gateway) hasCarried(text string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return bytes.Contains(g.carried.Bytes(), []byte(text)) ||
		bytes.Contains(g.carried.Bytes(), []byte(base64.StdEncoding.EncodeToString([]byte(text))))
}

// faults makes an answer of the first times requests that are meant.
func faults(times int, which func(*http.Request) bool, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !which(r) {
			return false
		}
		mu.Lock()
		times--
		left := times
		mu.Unlock()
		if left < 0 {
			return false
		}
		answer(w, r)
		return true
	}
}

func watches(r *http.Request) bool { return r.URL.Query().Get("watch") == "true" }
func gets(r *http.Request) bool    { return !watches(r) }

// says answers with a status and a body.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}
