package vaultstandin

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"
)

// session is what a login begins: all tokens that renewing makes belong to it,
// and revoking one of them ends it.
type session struct {
	identity *identity
	created  time.Time
	revoked  bool
}

type token struct {
	*session
	expires time.Time
}

// credential is the answer to a login and to a renewal.
type credential struct {
	AccessToken       string `json:"accessToken"`
	ExpiresIn         int64  `json:"expiresIn"`
	AccessTokenMaxTTL int64  `json:"accessTokenMaxTTL"`
	TokenType         string `json:"tokenType"`
}

// issue makes a new token of a session.
func (s *Server) issue(of *session) credential {
	id := of.identity
	text := rand.Text() + rand.Text()
	s.tokens[text] = token{session: of, expires: s.now().Add(id.TokenTTL)}
	return credential{
		AccessToken:       text,
		ExpiresIn:         int64(id.TokenTTL / time.Second),
		AccessTokenMaxTTL: int64(id.TokenMaxTTL / time.Second),
		TokenType:         "Bearer",
	}
}

// session finds the living session of a token and names its identity in the
// entry; revokedMessage is the answer for a session that was revoked.
func (s *Server) session(e *Entry, text, revokedMessage string) (*session, *apiError) {
	t, known := s.tokens[text]
	if !known {
		return nil, tokenError("The provided access token is malformed. Please use a valid token or generate a new one and try again.")
	}
	e.Identity = t.identity.Name
	if !s.now().Before(t.expires) {
		return nil, tokenError("Your token has expired. Please re-authenticate.")
	}
	if t.revoked {
		return nil, unauthorized(revokedMessage)
	}
	return t.session, nil
}

const notAllowed = "You are not allowed to access this resource"

// authenticate finds the identity that a request's bearer token stands for.
func (s *Server) authenticate(e *Entry, r *http.Request) (*identity, *apiError) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, unauthorized("Token missing")
	}
	text, _ := strings.CutPrefix(header, "Bearer ")
	found, apiErr := s.session(e, text, notAllowed)
	if apiErr != nil {
		return nil, apiErr
	}
	return found.identity, nil
}

// renew answers with a new token; the old one stays good until it expires.
func (s *Server) renew(e *Entry, r *http.Request) (any, *apiError) {
	fields, apiErr := readStrings(r, "accessToken")
	if apiErr != nil {
		return nil, apiErr
	}
	found, apiErr := s.session(e, fields[0], notAllowed)
	if apiErr != nil {
		return nil, apiErr
	}
	if s.now().Add(found.identity.TokenTTL).After(found.created.Add(found.identity.TokenMaxTTL)) {
		found.revoked = true
		return nil, unauthorized("Failed to renew MI access token past its Max TTL expiration")
	}
	return s.issue(found), nil
}

func (s *Server) revoke(e *Entry, r *http.Request) (any, *apiError) {
	fields, apiErr := readStrings(r, "accessToken")
	if apiErr != nil {
		return nil, apiErr
	}
	found, apiErr := s.session(e, fields[0], "No identity access token found")
	if apiErr != nil {
		return nil, apiErr
	}
	found.revoked = true
	return map[string]string{"message": "Successfully revoked access token"}, nil
}
