package vaultstandin

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWTAuth is what Infisical calls JWT Auth with a static configuration: it knows the public keys, and asks nobody.
type JWTAuth struct {
	// PublicKeys are RSA public keys in PEM, as a cluster's service-account key. One of them must have signed, with RS256.
	PublicKeys []string
	// BoundIssuer is the claim iss; empty is any.
	BoundIssuer string
	// BoundSubject is the claim sub, or a pattern of path.Match for it; empty is any.
	BoundSubject string
	// BoundAudiences are allowed values of the claim aud, separated by ", "; empty is any. With any here, a token whose
	// aud is a list, as that of every Kubernetes token, gets the 500 that Infisical's server answers
	// (https://github.com/Infisical/infisical/issues/7462).
	BoundAudiences string
}

func (a JWTAuth) check() error {
	if len(a.PublicKeys) == 0 {
		return errors.New("JWT Auth needs a public key")
	}
	_, err := a.keys()
	return err
}

func (a JWTAuth) keys() ([]*rsa.PublicKey, error) {
	var keys []*rsa.PublicKey
	for i, text := range a.PublicKeys {
		key, err := jwt.ParseRSAPublicKeyFromPEM([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("JWT Auth: public key %d: %w", i, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (s *Server) loginJWT(e *Entry, r *http.Request) (any, *apiError) {
	fields, apiErr := readStrings(r, "identityId", "jwt")
	if apiErr != nil {
		return nil, apiErr
	}
	id := s.identityWhere(func(id Identity) bool { return id.ID == fields[0] && id.JWT != nil })
	if id == nil {
		return nil, notFound("JWT auth method not found for identity, did you configure JWT auth?")
	}
	e.Identity = id.Name
	claims, apiErr := id.JWT.verify(fields[1], s.now)
	if apiErr == nil {
		apiErr = id.JWT.judge(claims)
	}
	if apiErr != nil {
		return nil, apiErr
	}
	return s.issue(&session{identity: id, created: s.now()}), nil
}

// verify checks signature, exp and nbf, without leeway, and returns the claims.
func (a JWTAuth) verify(text string, now func() time.Time) (jwt.MapClaims, *apiError) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(now))
	if _, _, err := parser.ParseUnverified(text, jwt.MapClaims{}); err != nil {
		return nil, unauthorized("Invalid JWT")
	}
	keys, err := a.keys()
	if err != nil {
		return nil, internalError()
	}
	var refused []string
	for _, key := range keys {
		claims := jwt.MapClaims{}
		_, err := parser.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return key, nil })
		if err == nil {
			return claims, nil
		}
		refused = append(refused, inItsWords(err))
	}
	return nil, unauthorized("Access denied: JWT verification failed with all keys. Errors - " + strings.Join(refused, "; "))
}

// inItsWords says an error as the library of Infisical's server says it.
func inItsWords(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "jwt expired"
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return "jwt not active"
	}
	return "invalid signature"
}

// judge compares the claims with what is bound, in the server's order.
func (a JWTAuth) judge(claims jwt.MapClaims) *apiError {
	if a.BoundIssuer != "" && claims["iss"] != a.BoundIssuer {
		return newError(http.StatusForbidden, "ForbiddenError", "Access denied: issuer mismatch")
	}
	subject, _ := claims["sub"].(string)
	switch {
	case a.BoundSubject == "":
	case subject == "":
		return unauthorized("Access denied: token has no subject field")
	case !fits(subject, a.BoundSubject):
		return newError(http.StatusForbidden, "ForbiddenError", "Access denied: subject not allowed")
	}
	if a.BoundAudiences == "" {
		return nil
	}
	switch audience := claims["aud"].(type) {
	case nil:
		return unauthorized("Access denied: token has no audience field")
	case string:
		if !slices.ContainsFunc(strings.Split(a.BoundAudiences, ", "), func(allowed string) bool { return fits(audience, allowed) }) {
			return unauthorized("Access denied: token audience not allowed")
		}
		return nil
	}
	return internalError() // the server matches a list as if it were a text, and throws
}

// fits tells whether a value is the allowed one or fits it as a pattern. The server's patterns know more than those of
// path.Match, which are enough for names of service accounts.
func fits(value, allowed string) bool {
	matched, err := path.Match(allowed, value)
	return value == allowed || err == nil && matched
}
