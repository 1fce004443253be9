// Package infisical speaks the few calls of Infisical's HTTP API that seed needs: log in, read one secret
// or a folder of them, revoke the token. The calls are those that External Secrets Operator's provider
// makes through Infisical's Go client (https://infisical.com/docs/api-reference).
package infisical

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// Session is one login. Its token is short-lived and kept in memory only; Revoke ends it. It is not safe
// for concurrent use.
type Session struct {
	http  *http.Client
	api   string
	token secret.String
	given bool // the token was not made by a login: it is not seed's to revoke
}

// Credentials are what a login sends. Make them with UniversalAuth, KubernetesAuth, JWTAuth or TokenAuth.
type Credentials struct {
	method, title string
	body          map[string]secret.String
	jwt           claims // for JWT Auth
}

// UniversalAuth logs in with a client ID and a client secret. Three wrong ones lock the identity.
func UniversalAuth(clientID, clientSecret secret.String) Credentials {
	return Credentials{method: universalAuth, title: "Universal Auth", body: map[string]secret.String{"clientId": clientID, "clientSecret": clientSecret}}
}

// KubernetesAuth logs in with a service-account token that the vault has reviewed by the cluster.
func KubernetesAuth(identityID, jwt secret.String) Credentials {
	return Credentials{method: "kubernetes-auth", title: "Kubernetes Auth", body: map[string]secret.String{"identityId": identityID, "jwt": jwt}}
}

// JWTAuth logs in with a JWT whose signature the vault checks by itself.
func JWTAuth(identityID, jwt secret.String) Credentials {
	return Credentials{jwtAuth, "JWT Auth", map[string]secret.String{"identityId": identityID, "jwt": jwt}, claimsOf(jwt)}
}

// TokenAuth uses an access token that somebody made in Infisical: no login happens, and no revocation.
func TokenAuth(accessToken secret.String) Credentials {
	return Credentials{method: tokenAuth, body: map[string]secret.String{"accessToken": accessToken}}
}

const (
	universalAuth = "universal-auth"
	jwtAuth       = "jwt-auth"
	tokenAuth     = "token-auth"
)

// Login logs in at hostAPI, with or without the trailing /api. A refusal is marked failure.Blocked.
// The request is sent a second time only where the vault has surely not judged the first. No redirect is
// ever followed: it could carry the credential elsewhere.
func Login(ctx context.Context, client *http.Client, hostAPI string, credentials Credentials) (*Session, error) {
	unredirected := *client
	unredirected.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s := &Session{http: &unredirected, api: strings.TrimSuffix(strings.TrimRight(hostAPI, "/"), "/api") + "/api"}
	if credentials.method == tokenAuth {
		s.token, s.given = credentials.body["accessToken"], true
		return s, nil
	}
	var answer struct {
		AccessToken string `json:"accessToken"`
	}
	login := request{
		doing: "logging in at " + s.api + " with " + credentials.title, login: credentials.method, jwt: credentials.jwt, once: true,
		method: http.MethodPost, path: "/v1/auth/" + credentials.method + "/login", body: credentials.body,
	}
	if err := s.call(ctx, login, &answer); err != nil {
		return nil, err
	}
	if answer.AccessToken == "" {
		return nil, failure.Blocked(fmt.Errorf("%s: the answer holds no accessToken: check that hostAPI names an Infisical server", login.doing))
	}
	s.token = secret.New(answer.AccessToken)
	return s, nil
}

// Revoke ends the session at the vault. A token that no login made is left alone.
func (s *Session) Revoke(ctx context.Context) error {
	if s.given {
		return nil
	}
	return s.call(ctx, request{
		doing: "revoking the access token", once: true, method: http.MethodPost, path: "/v1/auth/token/revoke",
		body: map[string]secret.String{"accessToken": s.token},
	}, nil)
}

// Given tells whether the session's token was made by no login, so that another login brings no other.
func (s *Session) Given() bool { return s.given }

// IsExpired tells whether err means that the vault no longer takes the access token: 401, or 403 with the
// error TokenError (servers differ). A new login helps; the session does not.
func IsExpired(err error) bool {
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.login == "" && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden && answer.kind == "TokenError")
}
