// Package infisical speaks the few calls of Infisical's HTTP API that seed needs: log in, read a secret,
// revoke the token. The calls are those of External Secrets Operator's provider
// (https://infisical.com/docs/api-reference).
package infisical

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

const (
	// callTimeout bounds one call; a vault that is up answers in well under a second.
	callTimeout = 15 * time.Second
	// maxAnswer bounds an answer in bytes; a Kubernetes Secret holds at most 1 MiB.
	maxAnswer = 2 << 20
)

// Scope is the place of secrets in Infisical, as the store's secretsScope names it.
type Scope struct {
	ProjectSlug, EnvironmentSlug, Path string
	// ExpandReferences lets the vault replace ${OTHER_SECRET} in values.
	ExpandReferences bool
}

// Session is one login. Its token is short-lived and kept in memory only; Revoke ends it.
type Session struct {
	http  *http.Client
	api   string
	token secret.String
}

// Error is an answer of the vault that is not a success.
type Error struct {
	// Doing is what was asked for, for example `reading the secret "GITHUB_TOKEN"`.
	Doing string
	// Status is the HTTP status code.
	Status int
	// Message is the vault's own explanation.
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: the vault answered %d %s: %s%s", e.Doing, e.Status, http.StatusText(e.Status), e.Message, e.hint())
}

// hint is the next thing to do about the status.
func (e *Error) hint() string {
	switch e.Status {
	case http.StatusUnauthorized:
		return " (check the machine identity's client ID and secret, its lock-out and its use limit in Infisical)"
	case http.StatusForbidden:
		return " (give the machine identity read access to this project, environment and path in Infisical)"
	case http.StatusNotFound:
		return " (check hostAPI, projectSlug, environmentSlug, secretsPath and the key)"
	}
	return ""
}

// Login logs in with Universal Auth at hostAPI, with or without the trailing /api. A refusal is marked
// failure.Blocked: Infisical locks an identity for five minutes after three bad logins.
func Login(ctx context.Context, client *http.Client, hostAPI string, clientID, clientSecret secret.String) (*Session, error) {
	s := &Session{http: client, api: strings.TrimSuffix(strings.TrimRight(hostAPI, "/"), "/api") + "/api"}
	var answer struct {
		AccessToken string `json:"accessToken"`
	}
	request := map[string]string{"clientId": clientID.Reveal(), "clientSecret": clientSecret.Reveal()}
	doing := "logging in at " + s.api + " with Universal Auth"
	if err := s.call(ctx, doing, http.MethodPost, "/v1/auth/universal-auth/login", request, &answer); err != nil {
		return nil, err
	}
	if answer.AccessToken == "" {
		return nil, failure.Blocked(fmt.Errorf("%s: the answer holds no accessToken: is this an Infisical server?", doing))
	}
	s.token = secret.New(answer.AccessToken)
	return s, nil
}

// Secret reads one secret. A key with a slash names a secret below Path ("sub/key") or, with a leading
// slash, from the root of the environment, as External Secrets Operator reads it.
func (s *Session) Secret(ctx context.Context, scope Scope, key string) (secret.String, error) {
	path, name := scope.Path, key
	if i := strings.LastIndex(key, "/"); i >= 0 {
		name = key[i+1:]
		path = strings.TrimRight(scope.Path, "/") + "/" + key[:i]
		if strings.HasPrefix(key, "/") {
			path = "/" + strings.Trim(key[:i], "/")
		}
	}
	query := url.Values{
		"workspaceSlug":          {scope.ProjectSlug},
		"environment":            {scope.EnvironmentSlug},
		"secretPath":             {path},
		"type":                   {"shared"},
		"include_imports":        {"true"},
		"expandSecretReferences": {strconv.FormatBool(scope.ExpandReferences)},
	}
	var answer struct {
		Secret *struct {
			Value  string `json:"secretValue"`
			Hidden bool   `json:"secretValueHidden"`
		} `json:"secret"`
	}
	doing := fmt.Sprintf("reading the secret %q in %s of project %s, environment %s", name, path, scope.ProjectSlug, scope.EnvironmentSlug)
	if err := s.call(ctx, doing, http.MethodGet, "/v3/secrets/raw/"+url.PathEscape(name)+"?"+query.Encode(), nil, &answer); err != nil {
		return secret.String{}, err
	}
	if answer.Secret == nil {
		return secret.String{}, fmt.Errorf("%s: the answer holds no secret", doing)
	}
	// The vault answers 200 with a placeholder when the identity may list but not read values.
	if answer.Secret.Hidden {
		return secret.String{}, failure.Blocked(fmt.Errorf("%s: the vault hides the value: give the machine identity the permission readValue", doing))
	}
	return secret.New(answer.Secret.Value), nil
}

// Revoke ends the session at the vault.
func (s *Session) Revoke(ctx context.Context) error {
	return s.call(ctx, "revoking the access token", http.MethodPost, "/v1/auth/token/revoke",
		map[string]string{"accessToken": s.token.Reveal()}, nil)
}

// call sends one request and decodes the answer into out, which may be nil.
func (s *Session) call(ctx context.Context, doing, method, path string, in any, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.api+path, body)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "seed") // for the vault's audit log
	if !s.token.Empty() {
		request.Header.Set("Authorization", "Bearer "+s.token.Reveal())
	}
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: reading the answer: %w", doing, err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(doing, response.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s: the answer is not the expected JSON (is this an Infisical server?): %w", doing, err)
	}
	return nil
}

// refusal makes an Error; what a second try cannot cure (any 4xx but 408 and 429) is failure.Blocked.
func refusal(doing string, status int, data []byte) error {
	var answer struct {
		Message json.RawMessage `json:"message"` // a text, or an array of issues with status 422
	}
	message := "no explanation"
	if json.Unmarshal(data, &answer) == nil && len(answer.Message) > 0 {
		message = string(answer.Message)
		if text, err := strconv.Unquote(message); err == nil {
			message = text
		}
	}
	err := &Error{Doing: doing, Status: status, Message: message}
	if status/100 == 4 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout {
		return failure.Blocked(err)
	}
	return err
}

// withoutURL drops the URL that net/http puts into its errors: doing has named the call, and a URL is no
// place to look for secrets.
func withoutURL(err error) error {
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		return urlErr.Err
	}
	return err
}
