package fetch_test

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/fetch"
)

// The two requests of a clone over HTTP.
const (
	atRefs = "/info/refs"
	atPack = "/git-upload-pack"
)

// instead answers the requests whose path ends in path, and lets next answer the others.
func instead(next http.Handler, path string, answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, path) {
			answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// quietly starts a server that says nothing of its panics.
func quietly(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "<!DOCTYPE html><title>Sign in</title>")
}

// cut breaks next's answer off after so many bytes.
func cut(next http.Handler, after int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		maps.Copy(w.Header(), recorder.Header())
		_, _ = w.Write(recorder.Body.Bytes()[:after])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// reset ends the connection with a TCP RST.
func reset(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	connection.Close()
}

// What a Git server answers in place of its files, and the next step.
func TestGitAnswers(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("refs/heads/main", map[string]string{"f": strings.Repeat("x", 1000)})
	git := r.backend()
	const cutOff = "cut: the connection ended in the middle"
	for name, test := range map[string]struct {
		path   string
		answer http.HandlerFunc
		want   string
		wait   time.Duration
	}{
		"limited":                  {atRefs, status(429, "Retry-After", "90"), "seed comes back by itself after the 1m30s that it asks for", 90 * time.Second},
		"limited, no time":         {atRefs, status(429), "seed comes back by itself; if this stays", 0},
		"limited at the pack":      {atPack, status(429, "Retry-After", "5"), "after the 5s that it asks for", 5 * time.Second},
		"in trouble":               {atRefs, status(500), "look at its log or status page", 0},
		"in trouble, a time":       {atRefs, status(503, "Retry-After", "7"), "look at its log or status page", 7 * time.Second},
		"in trouble at the pack":   {atPack, status(502), "look at its log or status page", 0},
		"no such request":          {atRefs, status(405), "check spec.url, and look at the server's log", 0},
		"HTML":                     {atRefs, page, "mostly a page of HTML that came back", 0},
		"HTML at the pack":         {atPack, page, "mostly a page of HTML that came back", 0},
		"nothing":                  {atRefs, status(200), "mostly a page of HTML that came back, or nothing", 0},
		"data":                     {atRefs, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "000aHello\n") }, "this is no answer of a Git server", 0},
		"redirect in a circle":     {atRefs, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }, "redirects in a circle: check spec.url", 0},
		"redirect to a page":       {atRefs, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sign-in", http.StatusFound) }, "as to a page for signing in: check spec.url", 0},
		"redirect at the pack":     {atPack, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sign-in", http.StatusFound) }, "let it name the address that answers", 0},
		"reset":                    {atRefs, reset, cutOff, 0},
		"reset at the pack":        {atPack, reset, cutOff, 0},
		"cut":                      {atRefs, cut(git, 60), cutOff, 0},
		"cut before the pack":      {atPack, cut(git, 10), cutOff, 0},
		"cut in the pack's prefix": {atPack, cut(git, 60), cutOff, 0},
		"cut in the pack":          {atPack, cut(git, 180), cutOff, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := quietly(t, instead(git, test.path, test.answer))
			_, err := fetch.Source(t.Context(), gitSource(url+"/tree.git"), nil, nil, t.TempDir())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v: want %q", err, test.want)
			}
			if failure.IsBlocked(err) || failure.Wait(err) != test.wait {
				t.Errorf("blocked is %v, the wait is %s, want %s: %v", failure.IsBlocked(err), failure.Wait(err), test.wait, err)
			}
		})
	}
}

// go-git drops the credential at another address, so a new token is of no use.
func TestGitRedirects(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	closed := serve(t, guarded(r.backend(), basic("git", password)))
	hidden := serve(t, http.NotFoundHandler())
	open := serve(t, r.backend())
	inTrouble := serve(t, status(http.StatusBadGateway))
	s := secrets{"login": {"username": "git", "password": password}}
	to := func(url string) string {
		return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, url+r.URL.String(), http.StatusMovedPermanently)
		}))
	}
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	for name, test := range map[string]struct {
		at      string
		change  func(*sourcev1.GitRepositorySpec)
		blocked bool
		want    string
	}{
		"no credential goes along": {closed, login, true, "the server redirects to " + host(closed) + ", and no credential goes along"},
		"by a name": {closed, func(s *sourcev1.GitRepositorySpec) {
			login(s)
			s.Reference = &sourcev1.GitRepositoryRef{Name: "refs/heads/main"}
		}, true, "the server redirects to " + host(closed)},
		"hidden from strangers": {hidden, login, true, "; the server redirected to " + host(hidden)},
		"something else":        {inTrouble, login, false, "; the server redirected to " + host(inTrouble)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, gitSource(to(test.at)+"/tree.git", test.change), s, test.blocked, test.want)
		})
	}
	t.Run("followed", func(t *testing.T) {
		t.Parallel()
		get(t, gitSource(to(open)+"/tree.git"), nil)
	})
	t.Run("there and back", func(t *testing.T) {
		t.Parallel()
		var back string
		there := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, back+"/2"+r.URL.String(), http.StatusFound)
		}))
		back = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/2") {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			http.Redirect(w, r, there+r.URL.String(), http.StatusFound)
		}))
		fails(t, gitSource(back+"/tree.git", login), s, true, "renew the token at the vault")
	})
	t.Run("none, and no credential", func(t *testing.T) {
		t.Parallel()
		fails(t, gitSource(closed+"/tree.git"), nil, true, "wants a credential: bring one in a Secret and name it in spec.secretRef")
	})
}

func TestRegistryAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"limited":    {status(429, "Retry-After", "90"), "seed comes back by itself; if this stays"},
		"in trouble": {status(502), "look at its log or status page"},
		"reset":      {reset, "cut: the connection ended in the middle"},
		"no request": {status(405), "check spec.url, and look at the server's log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := strings.TrimPrefix(quietly(t, test.answer), "http://")
			fails(t, ociSource(host, insecure), nil, false, test.want)
		})
	}
}
