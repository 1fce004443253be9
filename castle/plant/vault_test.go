//go:build apiserver

package plant_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/tazlab/seed/castle/internal/faults"
	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

// failVault makes a row's fault at the vault.
func failVault(match string, fault faults.Fault, times int) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.vault.Fail(match, fault, times) }
}

func healVault(_ *testing.T, w *world) { w.vault.Heal() }

// html is what a captive portal or a reverse proxy answers in the vault's place.
var html = faults.Fault{Status: http.StatusOK, Header: map[string]string{"Content-Type": "text/html"}, Body: "<!DOCTYPE html><title>Sign in</title>"}

// What the vault refuses is a state, not a loop: one login, then nothing until the cure.
func TestVaultRefuses(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]row{
		"wrong-secret": {
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				w.setIdentity(t, func(id *vaultstandin.Identity) { id.ClientSecret = "rotated" })
			},
			// The identity Secret follows: that wakes seed.
			heals: func(t *testing.T, w *world) { t.Helper(); w.bringIdentity(t, "rotated") },
			want:  []string{"logging in", "401 Unauthorized: Invalid credentials", "check the machine identity's client ID and secret"},
		},
		"locked-out": {
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				for range 3 {
					w.badLogin(t)
				}
			},
			want: []string{"401 Unauthorized: This identity auth method is temporarily locked", "lock-out"},
		},
		"used-up": {
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				w.setIdentity(t, func(id *vaultstandin.Identity) { id.NumUsesLimit = 1 })
				w.login(t, w.clientSecret)
			},
			want: []string{"401 Unauthorized: Access denied due to client secret usage limit reached", "use limit"},
		},
		"no-access": {
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				w.setIdentity(t, func(id *vaultstandin.Identity) { id.NoAccess = true })
			},
			want: []string{`reading the secret "TOKEN" in /git of project homelab, environment prod`, "403 Forbidden: You are not allowed", "give the machine identity read access"},
		},
		"hidden-value": {
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				w.setIdentity(t, func(id *vaultstandin.Identity) { id.HideValues = true })
			},
			want: []string{`reading the secret "TOKEN"`, "hides the value", "give the machine identity the permission readValue"},
		},
		"no-such-secret": {
			breaks: func(_ *testing.T, w *world) { w.standin.DeleteSecret("/git", "TOKEN") },
			want:   []string{"404 Not Found: Secret with name 'TOKEN' not found", "check hostAPI, projectSlug, environmentSlug, secretsPath and the key"},
		},
		"wrong-field": {
			breaks: failVault(read, vaultstandin.Invalid("environment"), 0),
			want:   []string{`reading the secret "TOKEN"`, "422 Unprocessable Entity: \"environment\": Required", "check the field that the vault names", "environmentSlug"},
		},
		"html-at-login": {breaks: failVault(login, html, 0), want: []string{"logging in", "a page of HTML", "check hostAPI and any proxy in front of it"}},
		"html-at-read":  {breaks: failVault(read, html, 0), want: []string{"reading the secret", "a page of HTML", "check hostAPI"}},
	} {
		r.reason, r.logins = "Blocked", 1
		t.Run(name, r.test)
	}
}

// What passes by itself is tried again, and the birth goes on with nobody touching the cluster.
func TestVaultRecovers(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]row{
		"error-at-login":  {breaks: failVault(login, vaultstandin.Refusal(500, "InternalServerError", "Something went wrong"), 0), want: []string{"logging in", "500 Internal Server Error: Something went wrong"}},
		"error-at-read":   {breaks: failVault(read, faults.Fault{Status: 503, Body: "upstream connect error"}, 0), want: []string{"reading the secret", "503 Service Unavailable"}},
		"hangs-at-login":  {breaks: failVault(login, faults.Fault{Hold: faults.Never}, 0), want: []string{"logging in", "deadline exceeded", "timeout: no answer in time"}},
		"hangs-at-read":   {breaks: failVault(read, faults.Fault{Hold: faults.Never}, 0), want: []string{"reading the secret", "deadline exceeded", "timeout: no answer in time"}},
		"limits-for-ever": {breaks: failVault(read, vaultstandin.RateLimited(1), 0), want: []string{"reading the secret", "429 Too Many Requests: Rate limit exceeded", "seed comes back by itself"}, reads: 11},
		"reset-at-login":  {breaks: failVault(login, faults.Fault{Reset: true}, 0), want: []string{"logging in", "cut: the connection ended in the middle"}},
		"reset-at-read":   {breaks: failVault(read, faults.Fault{Reset: true}, 0), want: []string{"reading the secret", "cut: the connection ended in the middle"}},
		"truncated-login": {breaks: failVault(login, faults.Fault{Cut: 20}, 0), want: []string{"logging in", "reading the answer", "cut: the connection ended in the middle"}},
		"truncated-read":  {breaks: failVault(read, faults.Fault{Cut: 20}, 0), want: []string{"reading the secret", "reading the answer", "cut: the connection ended in the middle"}},
	} {
		r.reason, r.logins, r.heals = "Retrying", 1, healVault
		t.Run(name, r.test)
	}
}

// A rate limit passes by itself: the birth takes a little longer.
func TestVaultRateLimit(t *testing.T) {
	t.Parallel()
	for name, match := range map[string]string{"login": login, "read": read} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w := newWorld(t)
			w.prepare(t)
			w.vault.Fail(match, vaultstandin.RateLimited(1), 2)
			s := w.start(t)
			if err := s.says(ctx, `msg="apply the root sync" state=done`); err != nil {
				t.Fatal(err)
			}
			w.wantSecret(t, true)
			w.wantPlanted(t, true)
			if err := s.end(ctx); err != nil {
				t.Error(err)
			}
			if calls := len(w.vault.Calls(match)); match == login && calls != 3 {
				t.Errorf("the vault saw %d logins, want the two that it refused and one", calls)
			}
			for _, event := range w.events(t) {
				if event.Reason != "Retrying" {
					t.Errorf("an Event %s: %s", event.Reason, event.Message)
				}
			}
			w.wantNoCredential(t, s)
		})
	}
}

// A rate limit at the login that does not end is told, too.
func TestVaultLimitsLoginsForEver(t *testing.T) {
	row{
		breaks: failVault(login, vaultstandin.RateLimited(1), 0), heals: healVault,
		reason: "Retrying", want: []string{"logging in", "429 Too Many Requests: Rate limit exceeded", "seed comes back by itself"}, logins: 11,
	}.test(t)
}

// A vault that wants seed to stay away for an hour is not asked again meanwhile.
func TestVaultLongRateLimit(t *testing.T) {
	row{
		breaks: failVault(login, vaultstandin.RateLimited(3600), 0),
		reason: "Retrying", want: []string{"logging in", "429 Too Many Requests: Rate limit exceeded. Please try again in 3600 seconds", "the vault wants to be left alone for 10m"}, logins: 1,
	}.test(t)
}

// A vault whose certificate is wrong sees no login at all.
func TestVaultCertificate(t *testing.T) {
	t.Parallel()
	for name, bad := range badCertificates() {
		r := row{
			breaks: func(t *testing.T, w *world) { t.Helper(); w.vault.present(t, bad.by, bad.request) },
			heals:  func(t *testing.T, w *world) { t.Helper(); w.vault.present(t, ca, good) },
			reason: "Retrying", want: append(bad.want, "logging in at https://127.0.0.1:"),
		}
		t.Run(name, r.test)
	}
}

// A redirect could carry the credential elsewhere: it is not followed.
func TestVaultRedirect(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"found": http.StatusFound, "kept": http.StatusTemporaryRedirect} {
		r := row{
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				elsewhere := open(t, http.NotFoundHandler(), "http/1.1")
				w.vault.Fail(login, faults.Fault{Status: status, Header: map[string]string{"Location": elsewhere.server.URL}}, 0)
				t.Cleanup(func() {
					if n := len(elsewhere.Calls(anyCall)); n != 0 {
						t.Errorf("seed followed the redirect %d times", n)
					}
				})
			},
			reason: "Blocked", want: []string{"logging in", http.StatusText(status), "follows no redirect: set hostAPI"}, logins: 1,
		}
		t.Run(name, r.test)
	}
}

// A slow vault is no fault: nothing is tried twice.
func TestVaultSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepare(t)
	release := make(chan struct{})
	hit := w.vault.Fail(login, faults.Fault{Hold: release}, 1)
	w.wantPatience(t, hit, release)
	if n := len(w.vault.Calls(revoke)); n != 1 {
		t.Errorf("%d tokens were revoked, want 1", n)
	}
}

// badLogin is somebody else's.
func (w *world) badLogin(t *testing.T) { t.Helper(); w.login(t, "wrong") }

func (w *world) login(t *testing.T, secret string) {
	t.Helper()
	body := `{"clientId":"` + w.identity().ClientID + `","clientSecret":"` + secret + `"}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.vault.server.URL+"/api/v1/auth/universal-auth/login", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: trusting()}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	client.CloseIdleConnections()
}
