package vaultstandin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

const (
	badCredentials = "Invalid credentials"
	locked         = "This identity auth method is temporarily locked, please try again later"
)

func TestLoginAnswer(t *testing.T) {
	status, body := newVault(t, nil).login(clientSecret)
	if status != http.StatusOK || body["tokenType"] != "Bearer" || body["expiresIn"] != float64(2592000) || body["accessTokenMaxTTL"] != float64(2592000) {
		t.Errorf("%d %v", status, body)
	}
}

func TestThreeFailuresLockTheIdentity(t *testing.T) {
	v := newVault(t, nil)
	for range 3 {
		status, body := v.login("wrong")
		wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", badCredentials)
		v.sleep(29 * time.Second)
	}
	v.sleep(270 * time.Second) // 299 s after the third failure
	status, body := v.login(clientSecret)
	wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", locked)
	v.sleep(time.Second)
	v.token()
}

func TestFailuresAreForgotten(t *testing.T) {
	for name, between := range map[string]func(*vault){
		"after 30 s":             func(v *vault) { v.sleep(30 * time.Second) },
		"after the right secret": func(v *vault) { v.token() },
	} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t, nil)
			v.login("wrong")
			v.login("wrong")
			between(v)
			v.login("wrong")
			v.login("wrong")
			v.token()
		})
	}
}

func TestUnknownClientLocksNobody(t *testing.T) {
	v := newVault(t, nil)
	for range 5 {
		status, body := v.do("POST", "/api/v1/auth/universal-auth/login", "", `{"clientId":"nobody","clientSecret":"x"}`)
		wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", badCredentials)
	}
	v.token()
}

func TestOneTimeSecret(t *testing.T) {
	v := newVault(t, func(id *vaultstandin.Identity) { id.NumUsesLimit = 1 })
	v.token()
	status, body := v.login(clientSecret)
	wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", "Access denied due to client secret usage limit reached")
	// Now it is revoked, and a revoked secret is one the server does not know.
	status, body = v.login(clientSecret)
	wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", badCredentials)
}

func TestNewSecretCuresLockOut(t *testing.T) {
	v := newVault(t, nil)
	for range 3 {
		v.login("wrong")
	}
	if err := v.SetIdentity(vaultstandin.Identity{Name: "seed", ClientID: clientID, ClientSecret: "rotated"}); err != nil {
		t.Fatal(err)
	}
	if status, body := v.login("rotated"); status != http.StatusOK {
		t.Errorf("login with the new secret: %d %v", status, body)
	}
}

func TestTokenExpires(t *testing.T) {
	v := newVault(t, func(id *vaultstandin.Identity) { id.TokenTTL = time.Minute })
	token := v.token()
	v.sleep(59 * time.Second)
	if status, body := v.secret(token, "ROOT", ""); status != http.StatusOK {
		t.Errorf("before the end: %d %v", status, body)
	}
	v.sleep(time.Second)
	status, body := v.secret(token, "ROOT", "")
	wantError(t, status, body, http.StatusForbidden, "TokenError", "Your token has expired. Please re-authenticate.")
	status, body = v.do("POST", "/api/v1/auth/token/renew", "", `{"accessToken":"`+token+`"}`)
	wantError(t, status, body, http.StatusForbidden, "TokenError", "Your token has expired. Please re-authenticate.")
}

func TestRenewal(t *testing.T) {
	v := newVault(t, func(id *vaultstandin.Identity) { id.TokenTTL, id.TokenMaxTTL = time.Minute, 2*time.Minute })
	first := v.token()
	v.sleep(50 * time.Second)
	status, body := v.do("POST", "/api/v1/auth/token/renew", "", `{"accessToken":"`+first+`"}`)
	second, _ := body["accessToken"].(string)
	if status != http.StatusOK || second == first || body["expiresIn"] != float64(60) || body["accessTokenMaxTTL"] != float64(120) {
		t.Fatalf("renewal: %d %v", status, body)
	}
	v.sleep(50 * time.Second)
	if status, body := v.secret(second, "ROOT", ""); status != http.StatusOK {
		t.Errorf("read with the new token: %d %v", status, body)
	}
	status, body = v.do("POST", "/api/v1/auth/token/renew", "", `{"accessToken":"`+second+`"}`)
	wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", "Failed to renew MI access token past its Max TTL expiration")
}

func TestRevokingEndsAllTokensOfTheLogin(t *testing.T) {
	v := newVault(t, nil)
	first := v.token()
	_, body := v.do("POST", "/api/v1/auth/token/renew", "", `{"accessToken":"`+first+`"}`)
	second := body["accessToken"].(string)
	v.do("POST", "/api/v1/auth/token/revoke", "", `{"accessToken":"`+first+`"}`)
	status, body := v.secret(second, "ROOT", "")
	wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", "You are not allowed to access this resource")
	status, body = v.do("POST", "/api/v1/auth/token/revoke", "", `{"accessToken":"`+second+`"}`)
	wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", "No identity access token found")
}

func TestInvalidBody(t *testing.T) {
	v := newVault(t, nil)
	status, body := v.do("POST", "/api/v1/auth/universal-auth/login", "", `{"clientId":7}`)
	issues, _ := body["message"].([]any)
	if status != http.StatusUnprocessableEntity || body["error"] != "ValidationFailure" || len(issues) != 2 {
		t.Fatalf("%d %v", status, body)
	}
	first, second := issues[0].(map[string]any), issues[1].(map[string]any)
	if first["code"] != "invalid_type" || first["received"] != "number" || first["message"] != "Expected string, received number" {
		t.Errorf("issue of clientId: %v", first)
	}
	if second["received"] != "undefined" || second["message"] != "Required" || second["path"].([]any)[0] != "clientSecret" {
		t.Errorf("issue of clientSecret: %v", second)
	}
	if status, body := v.do("POST", "/api/v1/auth/universal-auth/login", "", `[]`); status != http.StatusUnprocessableEntity {
		t.Errorf("a list as body: %d %v", status, body)
	}
	status, body = v.do("POST", "/api/v1/auth/universal-auth/login", "", `{`)
	wantError(t, status, body, http.StatusInternalServerError, "InternalServerError", "Something went wrong")
	status, body = v.do("POST", "/api/v1/auth/token/revoke", "", "") // no Content-Type
	wantError(t, status, body, http.StatusInternalServerError, "InternalServerError", "Something went wrong")
}
