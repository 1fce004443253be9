package fetch_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/fetch"
)

// isolated keeps git independent of the machine.
func isolated() []string {
	env := []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*", "LC_ALL=C"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GIT_") {
			env = append(env, variable)
		}
	}
	return env
}

// repo is a bare repository, tree.git in the folder root.
type repo struct {
	t    *testing.T
	root string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	r := &repo{t, t.TempDir()}
	r.git("", "init", "--quiet", "--bare", "--initial-branch=main", filepath.Join(r.root, "tree.git"))
	return r
}

func (r *repo) git(stdin string, arguments ...string) string {
	r.t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(r.t.Context(), "git", arguments...)
	command.Env, command.Stderr, command.Stdin = isolated(), &stderr, strings.NewReader(stdin)
	if arguments[0] != "init" {
		command.Dir = filepath.Join(r.root, "tree.git")
	}
	out, err := command.Output()
	if err != nil {
		r.t.Fatalf("git %s: %v: %s", arguments, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// commit adds a commit with these files alone to a ref and returns its hash; a content "-> x" is a symlink.
func (r *repo) commit(ref string, files map[string]string) string {
	r.t.Helper()
	var stream strings.Builder
	fmt.Fprintf(&stream, "commit %s\ncommitter t <t@seed.test> 1700000000 +0000\ndata 1\nx\n", ref)
	if r.git("", "for-each-ref", ref) != "" {
		fmt.Fprintf(&stream, "from %s^0\n", ref)
	}
	stream.WriteString("deleteall\n")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode, content := "100644", files[name]
		if target, link := strings.CutPrefix(content, "-> "); link {
			mode, content = "120000", target
		}
		fmt.Fprintf(&stream, "M %s inline %s\ndata %d\n%s\n", mode, name, len(content), content)
	}
	r.git(stream.String(), "fast-import", "--quiet")
	return r.git("", "rev-parse", ref)
}

// tag makes an annotated tag.
func (r *repo) tag(name, ref string) {
	r.t.Helper()
	r.git(fmt.Sprintf("tag %s\nfrom %s^0\ntagger t <t@seed.test> 1700000000 +0000\ndata 1\nx\n", name, ref), "fast-import", "--quiet")
}

// backend is real git over smart HTTP.
func (r *repo) backend() http.Handler {
	r.t.Helper()
	program := filepath.Join(r.git("", "--exec-path"), "git-http-backend")
	env := append(isolated(), "GIT_PROJECT_ROOT="+r.root, "GIT_HTTP_EXPORT_ALL=1")
	return &cgi.Handler{Path: program, Dir: r.root, Env: env, Logger: log.New(io.Discard, "", 0), Stderr: io.Discard}
}

// guarded lets a request through when allowed says so.
func guarded(next http.Handler, allowed func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if !allowed(request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, request)
	})
}

func basic(user, password string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		u, p, ok := r.BasicAuth()
		return ok && u == user && p == password
	}
}

// serve starts a plain HTTP server and returns its URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// proxy is an HTTP proxy with a password, for tunnels (CONNECT) and for plain requests.
type proxy struct {
	user, password string
	mutex          sync.Mutex
	hosts          map[string]string // where a name leads
	asked          []string          // method and host of what was let through
}

func newProxy(user, password string) *proxy {
	return &proxy{user: user, password: password, hosts: map[string]string{}}
}

// lead makes a name that only the proxy knows lead to the server at url.
func (p *proxy) lead(name, url string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.hosts[name] = url[strings.LastIndex(url, "/")+1:]
}

func (p *proxy) saw(what string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return slices.Contains(p.asked, what)
}

func (p *proxy) target(r *http.Request) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	name, _, _ := strings.Cut(r.Host, ":")
	p.asked = append(p.asked, r.Method+" "+name)
	if known := p.hosts[name]; known != "" {
		return known
	}
	if net.ParseIP(name).IsLoopback() {
		return r.Host
	}
	return "127.0.0.1:1" // no test leaves this machine
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	if !basic(p.user, p.password)(given) {
		w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	target := p.target(r)
	if r.Method != http.MethodConnect {
		out := r.Clone(r.Context())
		out.RequestURI, out.URL.Host = "", target
		answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
		return
	}
	there, err := net.Dial("tcp", target)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	fmt.Fprint(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(there, here); there.Close() }()
	_, _ = io.Copy(here, there)
}

// silent is a server that accepts connections and never says a word.
type silent struct {
	address string
	heard   atomic.Bool // whether somebody said something to it
}

func silentServer(t *testing.T) *silent {
	t.Helper()
	s := &silent{}
	s.address = listen(t, func(connection net.Conn) {
		t.Cleanup(func() { connection.Close() })
		go func() {
			if n, _ := connection.Read(make([]byte, 1)); n > 0 {
				s.heard.Store(true)
			}
		}()
	})
	return s
}

// unanswered fetches from a server that never answers, and wants the error to say so, with the limit. Only who has said something
// waits for an answer: where a machine that stalls used up the time before that, the fetch gets twice as much.
func unanswered(t *testing.T, scheme string, s secrets) {
	t.Helper()
	var err error
	for limit := time.Second; limit <= time.Minute; limit *= 2 {
		server := silentServer(t)
		source := gitSource(scheme+server.address+"/tree.git", login, within(limit))
		_, err = fetch.Source(t.Context(), source, s.read, nil, t.TempDir())
		if server.heard.Load() {
			wantError(t, err, false, fmt.Sprintf("no answer in time, spec.timeout is %s: ", limit))
			return
		}
	}
	t.Errorf("nothing was ever said to the server: %v", err)
}

// listen accepts connections on loopback until the test ends, and returns the address.
func listen(t *testing.T, take func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			take(connection)
		}
	}()
	return listener.Addr().String()
}
