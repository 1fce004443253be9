package gitserver_test

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tazlab/seed/castle/internal/gitserver"
)

const token = "token-of-the-test"

// lines is an access log that may be written by many requests at once.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// service is a Git server over TLS, with one repository, fleet.git, of one commit.
type service struct {
	*httptest.Server
	root string
	log  *lines
}

func (s *service) repository() string { return filepath.Join(s.root, "fleet.git") }

func serve(t *testing.T) *service {
	t.Helper()
	s := &service{root: t.TempDir(), log: &lines{}}
	tree := t.TempDir()
	write(t, tree, "clusters/castle/kustomization.yaml", "resources: []\n")
	if _, err := gitserver.PushTree(t.Context(), tree, s.repository(), "main", "first"); err != nil {
		t.Fatal(err)
	}
	handler, err := gitserver.New(t.Context(), gitserver.Options{Root: s.root, Token: token, AccessLog: s.log})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	return s
}

func write(t *testing.T, dir, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// client runs the git command as a user's machine would, with the password from GIT_ASKPASS.
func (s *service) client(t *testing.T, password string, arguments ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	askpass := filepath.Join(dir, "askpass")
	if err := os.WriteFile(askpass, []byte("#!/bin/sh\necho \"$TEST_PASSWORD\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return run(t, []string{
		"GIT_SSL_CAINFO=" + filepath.Join(dir, "ca.pem"), "GIT_ASKPASS=" + askpass, "TEST_PASSWORD=" + password,
	}, arguments...)
}

// url has a username, as a client's would, so that only the password is asked for.
func (s *service) url() string {
	return strings.Replace(s.URL, "https://", "https://git@", 1) + "/fleet.git"
}

func run(t *testing.T, env []string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", arguments...)
	command.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	command.Env = append(command.Env, env...)
	output, err := command.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

// must is run for commands that have to succeed.
func must(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := run(t, nil, arguments...)
	if err != nil {
		t.Fatalf("git %v: %v: %s", arguments, err, output)
	}
	return output
}

func TestCloneAndPush(t *testing.T) {
	s := serve(t)
	clone := filepath.Join(t.TempDir(), "clone")
	if output, err := s.client(t, token, "clone", s.url(), clone); err != nil {
		t.Fatalf("clone: %v: %s", err, output)
	}
	if got := read(t, clone, "clusters/castle/kustomization.yaml"); got != "resources: []\n" {
		t.Errorf("cloned %q", got)
	}
	// More than git's http.postBuffer of 1 MiB, and not compressible: git sends it chunked.
	big := make([]byte, 2<<20)
	if _, err := rand.Read(big); err != nil {
		t.Fatal(err)
	}
	write(t, clone, "big", string(big))
	must(t, "-C", clone, "add", ".")
	must(t, "-C", clone, "commit", "-m", "second")
	if output, err := s.client(t, token, "-C", clone, "push", "origin", "main"); err != nil {
		t.Fatalf("push: %v: %s", err, output)
	}
	if pushed, there := must(t, "-C", clone, "rev-parse", "HEAD"), must(t, "-C", s.repository(), "rev-parse", "main"); pushed != there {
		t.Errorf("the server has %s, pushed was %s", there, pushed)
	}
	// By hash and shallow, as source-controller fetches a pinned commit.
	fresh := t.TempDir()
	must(t, "init", "--quiet", fresh)
	first := must(t, "-C", clone, "rev-parse", "HEAD^")
	if output, err := s.client(t, token, "-C", fresh, "fetch", "--depth=1", s.url(), first); err != nil {
		t.Errorf("fetch by hash: %v: %s", err, output)
	}

	s.Close() // waits for the handlers, and so for their log lines
	log := s.log.buf.String()
	for _, want := range []string{
		`"GET /fleet.git/info/refs?service=git-upload-pack HTTP/`, `"POST /fleet.git/git-receive-pack HTTP/`, `"git/`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the access log lacks %s", want)
		}
	}
	if strings.Contains(log, token) {
		t.Error("the token is in the access log")
	}
}

func TestWrongTokenIsRefused(t *testing.T) {
	s := serve(t)
	clone := filepath.Join(t.TempDir(), "clone")
	if output, err := s.client(t, "wrong", "clone", s.url(), clone); err == nil || !strings.Contains(output, "Authentication failed") {
		t.Errorf("clone with a wrong token: %v: %s", err, output)
	}
	for name, login := range map[string][2]string{
		"no login": {}, "wrong token": {"git", "wrong"}, "no username": {"", token}, "no token": {"git", ""},
		"token as username": {token, ""},
	} {
		code, header := s.get(t, "/fleet.git/info/refs?service=git-upload-pack", login)
		if code != http.StatusUnauthorized || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: %d, %v", name, code, header)
		}
	}
	s.Close()
	if log := s.log.buf.String(); strings.Contains(log, token) || !strings.Contains(log, " 401 ") {
		t.Errorf("access log: %s", log)
	}
}

func TestOnlyRepositoriesUnderTheRootAreServed(t *testing.T) {
	s := serve(t)
	login := [2]string{"any", token}
	if code, _ := s.get(t, "/fleet.git/info/refs?service=git-upload-pack", login); code != http.StatusOK {
		t.Fatalf("fleet.git: %d", code)
	}
	outside := filepath.Join(filepath.Dir(s.root), "outside.git")
	must(t, "init", "--quiet", "--bare", outside)
	for _, path := range []string{"/%2e%2e/outside.git/HEAD", "/fleet.git/../../outside.git/HEAD", "/none.git/HEAD", "/HEAD", "//" + outside + "/HEAD"} {
		if code, _ := s.get(t, path, login); code == http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func (s *service) get(t *testing.T, path string, login [2]string) (code int, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if login != [2]string{} {
		request.SetBasicAuth(login[0], login[1])
	}
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header
}

func TestTokenIsReplacedWhileTheServerRuns(t *testing.T) {
	s := serve(t)
	server, ok := s.Config.Handler.(*gitserver.Server)
	if !ok {
		t.Fatal("the handler is no Server")
	}
	if err := server.SetToken("another"); err != nil {
		t.Fatal(err)
	}
	if err := server.SetToken(""); err == nil {
		t.Error("an empty token was taken")
	}
	const path = "/fleet.git/info/refs?service=git-upload-pack"
	if code, _ := s.get(t, path, [2]string{"git", token}); code != http.StatusUnauthorized {
		t.Errorf("the old token: %d", code)
	}
	if code, _ := s.get(t, path, [2]string{"git", "another"}); code != http.StatusOK {
		t.Errorf("the new token: %d", code)
	}
}

func TestEmptyTokenIsAnError(t *testing.T) {
	if _, err := gitserver.New(t.Context(), gitserver.Options{Root: t.TempDir()}); err == nil {
		t.Error("a server without a token was made")
	}
}
