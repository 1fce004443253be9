package vaultstandin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tazlab/seed/castle/internal/faults"
	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

// What a fault answers has the form of the vault's own errors.
func TestFaultsSpeakInfisical(t *testing.T) {
	v := newVault(t, nil)
	broken := faults.New(v)
	v.http = httptest.NewTLSServer(broken)
	t.Cleanup(v.http.Close)
	token := v.token()
	read := "GET /api/v3/secrets/raw/{name}"

	broken.Fail(read, vaultstandin.RateLimited(7), 1)
	status, body := v.secret(token, "ROOT", "")
	wantError(t, status, body, 429, "RateLimitExceeded", "Rate limit exceeded. Please try again in 7 seconds")
	broken.Fail(read, vaultstandin.Refusal(http.StatusForbidden, "PermissionDenied", "no"), 1)
	status, body = v.secret(token, "ROOT", "")
	wantError(t, status, body, 403, "PermissionDenied", "no")
	broken.Fail(read, vaultstandin.Invalid("environment"), 1)
	status, body = v.secret(token, "ROOT", "")
	issues, _ := body["message"].([]any)
	if status != 422 || body["error"] != "ValidationFailure" || len(issues) != 1 || issues[0].(map[string]any)["path"].([]any)[0] != "environment" {
		t.Errorf("%d %v", status, body)
	}
	if status, body := v.secret(token, "ROOT", ""); status != http.StatusOK {
		t.Errorf("after the faults: %d %v", status, body)
	}
}
