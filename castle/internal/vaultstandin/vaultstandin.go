// Package vaultstandin is a stand-in for a self-hosted Infisical: an
// http.Handler that speaks the part of Infisical's HTTP API that seed and the
// External Secrets Operator use, and remembers who asked for what.
//
// It is not a vault. Secrets live in memory in plain text, there is one project
// with one environment, and whatever is not written here answers 404.
//
// Identities log in with Universal Auth, with JWT Auth (static keys), with
// Kubernetes Auth, or have a token (Token Auth); each may be kept to some folders.
// Faults come from outside: wrap the Server in a faults.Handler; Refusal, Invalid
// and RateLimited make what Infisical would answer.
//
// What keeps it honest: the tests in the module sdktest beside it drive it over
// TLS with Infisical's own Go client (github.com/infisical/go-sdk), with the
// calls that the operator makes. Where the API reference leaves a choice, it does
// what Infisical's server does (https://github.com/Infisical/infisical, backend/).
//
// Left out: the other logins, JWT Auth by JWKS and by bound claims, API v4, imports
// across environments, personal secrets, older versions of a secret, tags, ETags,
// sub-organizations, trusted IPs, uses limits of access tokens, and references to
// secrets of other projects. A reference is followed into any folder, also into one
// that the identity may not read.
package vaultstandin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Options describe the one project of a Server. The zero value of a field means
// its default; Project and Environment have none.
type Options struct {
	// Project is the slug of the project, as in projectSlug of a SecretStore.
	Project string
	// Environment is the slug of the project's environment.
	Environment string
	// Identities may log in.
	Identities []Identity
	// Secrets are the values, by folder ("/", "/core") and key. The folders above
	// a folder exist too.
	Secrets map[string]map[string]string
	// TokenReview answers for the cluster at Kubernetes Auth; nil: the cluster cannot be asked.
	TokenReview TokenReview
	// Log receives one JSON line per request, an Entry each, in one Write each;
	// default: none.
	Log io.Writer
	// Now is the clock for tokens and lock-outs; default time.Now.
	Now func() time.Time
}

// Server is the stand-in. It is safe for concurrent use; make one with New.
type Server struct {
	project, projectID, environment string
	log                             io.Writer
	now                             func() time.Time
	tokenReview                     TokenReview
	mux                             *http.ServeMux

	mu         sync.Mutex           // guards all below and the writes to log
	identities map[string]*identity // by name
	tokens     map[string]token
	secrets    map[string]map[string]*secret
	imports    map[string][]importOf // by folder
}

// New makes a Server. It fails on an empty project or environment and on an
// identity that could never log in.
func New(o Options) (*Server, error) {
	if o.Project == "" || o.Environment == "" {
		return nil, errors.New("making the vault stand-in: project and environment must have a slug")
	}
	s := &Server{
		project: o.Project, projectID: newUUID(), environment: o.Environment,
		log: o.Log, now: o.Now, tokenReview: o.TokenReview,
		identities: map[string]*identity{},
		tokens:     map[string]token{},
		secrets:    map[string]map[string]*secret{"/": {}},
		imports:    map[string][]importOf{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, id := range o.Identities {
		if err := s.SetIdentity(id); err != nil {
			return nil, fmt.Errorf("making the vault stand-in: %w", err)
		}
	}
	for folder, values := range o.Secrets {
		s.addFolder(folder)
		for key, value := range values {
			s.SetSecret(folder, key, value)
		}
	}
	s.mux = s.routes()
	return s, nil
}

// ServeHTTP answers one request and writes its Entry to the log before the
// client can see the answer.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /api/status", s.handle(s.status))
	mux.Handle("POST /api/v1/auth/universal-auth/login", s.handle(s.login))
	mux.Handle("POST /api/v1/auth/jwt-auth/login", s.handle(s.loginJWT))
	mux.Handle("POST /api/v1/auth/kubernetes-auth/login", s.handle(s.loginKubernetes))
	mux.Handle("POST /api/v1/auth/token/renew", s.handle(s.renew))
	mux.Handle("POST /api/v1/auth/token/revoke", s.handle(s.revoke))
	mux.Handle("GET /api/v3/secrets/raw", s.handle(s.listSecrets))
	mux.Handle("GET /api/v3/secrets/raw/{name}", s.handle(s.getSecret))
	mux.Handle("/", s.handle(func(_ *Entry, r *http.Request) (any, *apiError) {
		return nil, notFound("Route %s:%s not found", r.Method, r.URL.Path)
	}))
	return mux
}

func (s *Server) status(*Entry, *http.Request) (any, *apiError) {
	return map[string]any{"date": s.now().UTC(), "message": "Ok"}, nil
}

// endpoint answers one request with a body or an error, and tells the log entry
// what it learns. It runs with s.mu held.
type endpoint func(*Entry, *http.Request) (any, *apiError)

// handle turns an endpoint into an http.Handler.
func (s *Server) handle(ep endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		entry := Entry{
			Time: s.now().UTC(), Remote: r.RemoteAddr, Method: r.Method,
			Path: r.URL.Path, Status: http.StatusOK, UserAgent: r.UserAgent(),
		}
		body := s.answer(ep, &entry, r)
		writeJSON(w, entry.Status, body)
	})
}

// answer runs an endpoint, sets the entry's status and writes the entry.
func (s *Server) answer(ep endpoint, e *Entry, r *http.Request) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, apiErr := ep(e, r)
	if apiErr != nil {
		e.Status, body = apiErr.StatusCode, apiErr
	}
	if err := s.writeEntry(*e); err != nil {
		// A log with holes proves nothing: better no answer than an unseen one.
		e.Status = http.StatusInternalServerError
		return internalError()
	}
	return body
}
