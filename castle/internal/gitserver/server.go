// Package gitserver is the castle's Git server: real git over smart HTTP, and commits made straight into its
// repositories.
package gitserver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi" //nolint:gosec // the rule is about Go before 1.6.3
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/gorilla/handlers"
)

// Options configures a Server.
type Options struct {
	// Root is the folder of bare repositories: ROOT/fleet.git is served at /fleet.git.
	Root string
	// Token is the password of every request, by basic auth with any username that is not empty, as GitHub takes it.
	Token string
	// AccessLog gets one line per request in the combined log format (without the username: some clients put a token
	// there) and what git says on its standard error. Writes may be concurrent. nil discards.
	AccessLog io.Writer
}

// Server is the http.Handler of the repositories. Who brings the token may fetch and push. It is safe for concurrent use.
type Server struct {
	handler http.Handler
	token   atomic.Pointer[[sha256.Size]byte] // the token's hash
}

// New returns a server that runs the installed git's http-backend
// (https://git-scm.com/docs/git-http-backend). An empty token is an error.
func New(ctx context.Context, o Options) (*Server, error) {
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, fmt.Errorf("git server: root: %w", err)
	}
	programs, err := git{}.run(ctx, "--exec-path")
	if err != nil {
		return nil, fmt.Errorf("git server: looking for git: %w", err)
	}
	backend := filepath.Join(programs, "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	if o.AccessLog == nil {
		o.AccessLog = io.Discard
	}
	run := &cgi.Handler{
		Path: backend,
		Dir:  root,
		// REMOTE_USER is what makes http-backend accept pushes.
		Env:    append(isolated(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=castle"),
		Logger: log.New(o.AccessLog, "git server: ", 0),
		Stderr: o.AccessLog,
	}
	s := &Server{}
	s.handler = handlers.CombinedLoggingHandler(o.AccessLog, s.authenticated(forward(run)))
	if err := s.SetToken(o.Token); err != nil {
		return nil, err
	}
	return s, nil
}

// SetToken makes token the only one that counts, from the next request on. An empty one is an error and changes nothing.
func (s *Server) SetToken(token string) error {
	if token == "" {
		return errors.New("git server: the token is empty")
	}
	hash := sha256.Sum256([]byte(token))
	s.token.Store(&hash)
	return nil
}

// ServeHTTP answers one request of a Git client.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// authenticated compares hashes, so that the time taken tells neither content nor length of the token.
func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		got := sha256.Sum256([]byte(password))
		if !ok || user == "" || subtle.ConstantTimeCompare(got[:], s.token.Load()[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="castle"`)
			http.Error(w, "a username and the token as password are wanted", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// forward hands a request to the CGI program without its credentials, which would become environment variables.
func forward(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Del("Authorization")
		// Git sends packs above 1 MiB chunked. net/http/cgi refuses that, as CGI has no word for it, but http-backend
		// reads to the end of a body that has no announced length.
		r.TransferEncoding = nil
		next.ServeHTTP(w, r)
	})
}

// isolated is the environment that keeps git independent of the machine: no configuration of the user or the system,
// repositories of any owner, a commit fetchable by its hash as the big Git hosts allow, and no clean-up process that
// outlives the request.
func isolated() []string {
	settings := []string{
		"safe.directory=*", "core.autocrlf=false", "gc.auto=0", "receive.autogc=false",
		"uploadpack.allowReachableSHA1InWant=true", "uploadpack.allowFilter=true",
	}
	env := []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings))}
	for i, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, key), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, value))
	}
	return env
}
