package infisical_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tazlab/seed/internal/claim/infisical"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// Each refusal of a login with JWT Auth, in the server's words, says what to do, with the values of the very token.
func TestJWTLoginNamesTheCure(t *testing.T) {
	t.Parallel()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	token := part(`{"alg":"RS256","kid":"the-kid"}`) + "." +
		part(`{"aud":["vault.example.com"],"iss":"https://10.0.0.1:6443","sub":"system:serviceaccount:seed-system:seed","nbf":1700000000,"exp":1700000600}`) + ".sealed"
	for name, test := range map[string]struct {
		token   string
		status  int
		message string
		blocked bool
		want    []string
	}{
		"not registered":    {token, 404, "JWT auth method not found for identity, did you configure JWT auth?", true, []string{"register the cluster", `"seed render jwks"`, "correct the identity's ID"}},
		"no Infisical":      {token, 404, "no such route", true, []string{"check hostAPI"}},
		"wrong key":         {token, 401, "Access denied: JWT verification failed with all keys. Errors - invalid signature; invalid signature", true, []string{"new secrets bundle has a new key", `"seed render jwks" prints, whose kid is the-kid`}},
		"expired":           {token, 401, "Access denied: JWT verification failed with all keys. Errors - jwt expired", true, []string{"clocks of node and vault differ", "NTP", "from 2023-11-14T22:13:20Z to 2023-11-14T22:23:20Z"}},
		"of the future":     {token, 401, "Access denied: JWT verification failed with all keys. Errors - invalid signature; jwt not active", true, []string{"clocks of node and vault differ"}},
		"wrong issuer":      {token, 403, "Access denied: issuer mismatch", true, []string{"set boundIssuer in the identity's JWT Auth to exactly https://10.0.0.1:6443"}},
		"wrong subject":     {token, 403, "Access denied: subject not allowed", true, []string{"set boundSubject in the identity's JWT Auth to system:serviceaccount:seed-system:seed"}},
		"audience":          {token, 401, "Access denied: token audience not allowed", true, []string{"leave boundAudiences empty"}},
		"audiences":         {token, 500, "Something went wrong", false, []string{"leave boundAudiences empty", "log of the vault"}},
		"other claims":      {token, 401, "Access denied: claim mismatch for field x", true, []string{"check the identity's JWT Auth"}},
		"trusted addresses": {token, 403, "You are not allowed to access this resource from the current IP address", true, []string{"check the identity's JWT Auth"}},
		"no JWT":            {"a.b", 403, "Access denied: issuer mismatch", true, []string{`the issuer that "seed render jwks" prints`}},
		"no JWT, key":       {"text", 401, "JWT verification failed with all keys. Errors - jwt malformed", true, []string{`Register the one that "seed render jwks" prints)`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &vault{answer: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprintf(w, `{"message":%q}`, test.message)
			}}
			_, err := infisical.Login(t.Context(), &http.Client{Transport: v}, "https://v.example.com", infisical.JWTAuth(secret.New("3c90c3cc"), secret.New(test.token)))
			if err == nil || failure.IsBlocked(err) != test.blocked || failure.Wait(err) != 0 {
				t.Fatalf("Login: %v (blocked %v, wait %s)", err, failure.IsBlocked(err), failure.Wait(err))
			}
			for _, want := range append(test.want, test.message) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "sealed") || strings.Contains(err.Error(), part(`{"aud"`)[:8]) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

// Only a login that a lock-out may follow asks for the long pause.
func TestRefusedUniversalAuthIsLeftAlone(t *testing.T) {
	t.Parallel()
	login := infisical.UniversalAuth(secret.New("id"), secret.New("key"))
	jwt := infisical.JWTAuth(secret.New("id"), secret.New("key"))
	for name, test := range map[string]struct {
		login  infisical.Credentials
		status int
		want   time.Duration
	}{
		"bad secret": {login, 401, 10 * time.Minute}, "address": {login, 403, 10 * time.Minute}, "not there": {login, 404, 0}, "jwt": {jwt, 401, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := &vault{answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(test.status) }}
				_, err := infisical.Login(t.Context(), &http.Client{Transport: v}, "https://v.example.com", test.login)
				if !failure.IsBlocked(err) || failure.Wait(err) != test.want || len(v.urls) != 1 {
					t.Errorf("Login: %v after %d calls, blocked %v, wait %s; want %s", err, len(v.urls), failure.IsBlocked(err), failure.Wait(err), test.want)
				}
			})
		})
	}
}
