package probe_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/wait/diagnose"
	"github.com/tazlab/seed/internal/wait/probe"
	"github.com/tazlab/seed/internal/wait/target"
	"github.com/tazlab/seed/test/loopback"
)

var theProxy *httptest.Server

// serveProxy is a proxy that knows one host and opens no tunnel.
func serveProxy(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Host != "app.invalid" || r.Header.Get("Proxy-Authorization") == "":
		w.WriteHeader(http.StatusBadGateway)
	}
}

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

func TestHTTPComparesTheStatus(t *testing.T) {
	t.Parallel()
	site := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err != nil || r.Method != http.MethodGet || r.UserAgent() != "waitfor" {
			status = http.StatusTeapot
		}
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
	})
	ask := func(path string, status ...target.Range) probe.Probe {
		return probe.HTTP(parse(t, site+path), status, "")
	}
	met(t, ask("/200"), "answers with 200")
	met(t, ask("/204"), "answers with 204")
	met(t, ask("/302"), "answers with 302") // not followed
	met(t, ask("/399"), "answers with 399")
	met(t, ask("/401?token=hush", target.Range{From: 200, To: 200}, target.Range{From: 401, To: 403}), "answers with 401")
	notYet(t, ask("/400"), "", "/400: answers with 400 Bad Request, waiting for 200-399")
	err := notYet(t, ask("/503?token=hush#frag"), "", site+"/503: answers with 503 Service Unavailable, waiting for 200-399")
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the query is in %q", err)
	}
	notYet(t, ask("/302", target.Range{From: 200, To: 200}, target.Range{From: 204, To: 206}), "", "waiting for 200,204-206")
}

func TestHTTPWantsAWholeAnswer(t *testing.T) {
	t.Parallel()
	half := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "half")
	})
	notYet(t, probe.HTTP(parse(t, half), nil, ""), "cut", "reading the answer with 200: ")
	endless := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	})
	met(t, probe.HTTP(parse(t, endless), nil, ""), "answers with 200")
}

func TestHTTPFindsNobody(t *testing.T) {
	t.Parallel()
	away := loopback.Address()
	notYet(t, probe.HTTP(parse(t, "http://somebody:hush@"+away+"/live?token=hush"), nil, ""), "refused", "GET http://"+away+"/live: dial tcp")
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	notYet(t, probe.HTTP(parse(t, strings.Replace(plain, "http", "https", 1)), nil, ""), "TLS", "server gave HTTP response")
	for _, address := range []string{"ftp://app.invalid", "//app.invalid", "http:///live", "http://:80"} {
		never(t, probe.HTTP(parse(t, address), nil, ""), "neither http://HOST nor https://HOST")
	}
}

func TestHTTPTrustsTheFileAsItIsNow(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.crt")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	notYet(t, probe.HTTP(parse(t, server.URL), nil, ""), "TLS", "certificate signed by unknown authority")
	p := probe.HTTP(parse(t, server.URL), nil, file)
	if err := notYet(t, p, "", file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	write("")
	notYet(t, p, "", file+" is still empty")
	write("no certificate")
	never(t, p, file+" holds no certificate in PEM")
	write(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	met(t, p, "answers with 200")
	write(string(authority(t).pem))
	notYet(t, p, "TLS", "certificate signed by unknown authority")
}

func TestHTTPNamesTheProxy(t *testing.T) {
	t.Parallel()
	if got := probe.Proxy(parse(t, "http://app.invalid/live")); got != theProxy.URL {
		t.Errorf("Proxy(app.invalid) = %q, want %q", got, theProxy.URL)
	}
	if got := probe.Proxy(parse(t, "http://127.0.0.1/live")); got != "" {
		t.Errorf("Proxy(127.0.0.1) = %q, want none", got)
	}
	met(t, probe.HTTP(parse(t, "http://app.invalid/live"), nil, ""), "answers with 200 through the proxy "+theProxy.URL)
	for _, err := range []error{
		notYet(t, probe.HTTP(parse(t, "http://db.invalid"), nil, ""), "", "through the proxy "+theProxy.URL+": answers with 502"),
		notYet(t, probe.HTTP(parse(t, "https://app.invalid"), nil, ""), "proxy", "through the proxy "+theProxy.URL+": Forbidden"),
	} {
		if cure := diagnose.Explain(err, diagnose.Where{Proxy: theProxy.URL}); strings.Contains(err.Error()+cure, "hush") {
			t.Errorf("the proxy's password is in %q or %q", err, cure)
		}
	}
}
