package vaultstandin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

const (
	clientID     = "5b1f6a3e-client"
	clientSecret = "st-very-secret"
	tokenValue   = "ghp-very-private"
	project      = "?workspaceSlug=tazlab-k8s&environment=prod"
)

// vault is the stand-in behind TLS, with a clock that tests move.
type vault struct {
	*vaultstandin.Server
	t    *testing.T
	http *httptest.Server

	mu  sync.Mutex
	log bytes.Buffer
	now time.Time
}

// newVault has one identity, which change may change.
func newVault(t *testing.T, change func(*vaultstandin.Identity)) *vault {
	t.Helper()
	return newVaultWith(t, func(o *vaultstandin.Options) {
		if change != nil {
			change(&o.Identities[0])
		}
	})
}

func newVaultWith(t *testing.T, change func(*vaultstandin.Options)) *vault {
	t.Helper()
	v := &vault{t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	o := vaultstandin.Options{
		Project: "tazlab-k8s", Environment: "prod",
		Identities: []vaultstandin.Identity{{Name: "seed", ClientID: clientID, ClientSecret: clientSecret}},
		Secrets: map[string]map[string]string{
			"/":             {"ROOT": "top"},
			"/flux/git":     {"TOKEN": tokenValue, "URL": "https://x:${TOKEN}@${prod.flux.HOST}/${NOWHERE}", "LOOP": "a${LOOP}"},
			"/flux":         {"HOST": "git.${prod.ROOT}.example"},
			"/fluxless/one": {"PING": "1${prod.fluxless.two.PONG}"},
			"/fluxless/two": {"PONG": "2${prod.fluxless.one.PING}"},
		},
		Log: &v.log, Now: v.clock,
	}
	change(&o)
	var err error
	v.Server, err = vaultstandin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	v.http = httptest.NewTLSServer(v)
	t.Cleanup(v.http.Close)
	return v
}

func (v *vault) clock() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *vault) sleep(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

// do makes a request and returns the status and the decoded body.
func (v *vault) do(method, target, token, body string) (int, map[string]any) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.http.URL+target, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("User-Agent", "seed/test")
	resp, err := v.http.Client().Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		v.t.Fatalf("%s %s: %v in %q", method, target, err, raw)
	}
	return resp.StatusCode, decoded
}

func (v *vault) login(secret string) (int, map[string]any) {
	v.t.Helper()
	return v.do("POST", "/api/v1/auth/universal-auth/login", "", `{"clientId":"`+clientID+`","clientSecret":"`+secret+`"}`)
}

// token logs in, which must succeed.
func (v *vault) token() string {
	v.t.Helper()
	status, body := v.login(clientSecret)
	if status != http.StatusOK {
		v.t.Fatalf("login: %d %v", status, body)
	}
	return body["accessToken"].(string)
}

func (v *vault) secret(token, name, query string) (int, map[string]any) {
	v.t.Helper()
	status, body := v.do("GET", "/api/v3/secrets/raw/"+name+project+query, token, "")
	if secret, ok := body["secret"].(map[string]any); ok {
		return status, secret
	}
	return status, body
}

// wantError checks the whole shape of a failure.
func wantError(t *testing.T, status int, body map[string]any, wantStatus int, name, message string) {
	t.Helper()
	if status != wantStatus || body["statusCode"] != float64(wantStatus) || body["error"] != name || body["message"] != message {
		t.Errorf("got %d %v, want %d %s %q", status, body, wantStatus, name, message)
	}
	if id, ok := body["reqId"].(string); !ok || id == "" {
		t.Errorf("error without reqId: %v", body)
	}
}

func TestOneLoginOneRead(t *testing.T) {
	v := newVault(t, nil)
	token := v.token()
	status, secret := v.secret(token, "TOKEN", "&secretPath=/flux/git/&type=shared&include_imports=true&expandSecretReferences=true")
	if status != http.StatusOK || secret["secretValue"] != tokenValue || secret["secretPath"] != "/flux/git" ||
		secret["secretKey"] != "TOKEN" || secret["secretValueHidden"] != false || secret["version"] != float64(1) {
		t.Errorf("read: %d %v", status, secret)
	}
	if status, body := v.do("POST", "/api/v1/auth/token/revoke", token, `{"accessToken":"`+token+`"}`); status != http.StatusOK || body["message"] != "Successfully revoked access token" {
		t.Errorf("revoke: %d %v", status, body)
	}
	status, body := v.secret(token, "TOKEN", "&secretPath=/flux/git")
	wantError(t, status, body, http.StatusUnauthorized, "UnauthorizedError", "You are not allowed to access this resource")

	for _, private := range []string{clientID, clientSecret, tokenValue, token} {
		if strings.Contains(v.log.String(), private) {
			t.Errorf("the log holds %q: %s", private, v.log.String())
		}
	}
	entries, err := vaultstandin.ReadLog(&v.log)
	if err != nil || len(entries) != 4 {
		t.Fatalf("log: %v %v", entries, err)
	}
	read := entries[1]
	read.Remote = ""
	want := vaultstandin.Entry{
		Time: v.now, Method: "GET", Path: "/api/v3/secrets/raw/TOKEN", Status: 200,
		Identity: "seed", UserAgent: "seed/test", Folder: "/flux/git", Secret: "TOKEN",
	}
	if read != want {
		t.Errorf("entry of the read:\n got %+v\nwant %+v", read, want)
	}
	if e := entries[0]; e.Path != "/api/v1/auth/universal-auth/login" || e.Identity != "seed" || e.Remote == "" {
		t.Errorf("entry of the login: %+v", e)
	}
	if e := entries[3]; e.Status != http.StatusUnauthorized || e.Identity != "seed" {
		t.Errorf("entry of the read after revoking: %+v", e)
	}
}

func TestStatus(t *testing.T) {
	if status, body := newVault(t, nil).do("GET", "/api/status", "", ""); status != http.StatusOK || body["message"] != "Ok" {
		t.Errorf("%d %v", status, body)
	}
}

func TestSecretsChangeWhileRunning(t *testing.T) {
	v := newVault(t, nil)
	token := v.token()
	v.SetSecret("/flux/git", "TOKEN", "second")
	v.SetSecret("/brand/new", "KEY", "first")
	if _, secret := v.secret(token, "TOKEN", "&secretPath=/flux/git"); secret["secretValue"] != "second" || secret["version"] != float64(2) {
		t.Errorf("changed secret: %v", secret)
	}
	if _, secret := v.secret(token, "KEY", "&secretPath=/brand/new"); secret["secretValue"] != "first" {
		t.Errorf("new secret: %v", secret)
	}
	v.DeleteSecret("/brand/new", "KEY")
	status, body := v.secret(token, "KEY", "&secretPath=/brand/new")
	wantError(t, status, body, http.StatusNotFound, "NotFound", "Secret with name 'KEY' not found")
}

func TestNewRefusesWhatCouldNeverWork(t *testing.T) {
	good := vaultstandin.Identity{Name: "a", ClientID: "id", ClientSecret: "s"}
	long := good
	long.TokenTTL, long.TokenMaxTTL = 2*time.Hour, time.Hour
	for name, o := range map[string]vaultstandin.Options{
		"no project":         {Environment: "prod"},
		"no environment":     {Project: "p"},
		"no client secret":   {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{{Name: "a", ClientID: "id"}}},
		"same client ID":     {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{good, {Name: "b", ClientID: "id", ClientSecret: "s"}}},
		"no login":           {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{{Name: "a"}}},
		"no ID":              {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{{Name: "a", Kubernetes: &vaultstandin.KubernetesAuth{}}}},
		"no key":             {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{{Name: "a", ID: "1", JWT: &vaultstandin.JWTAuth{}}}},
		"no PEM":             {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{{Name: "a", ID: "1", JWT: &vaultstandin.JWTAuth{PublicKeys: []string{"x"}}}}},
		"same token":         {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{{Name: "a", Token: "t"}, {Name: "b", Token: "t"}}},
		"TTL above its max.": {Project: "p", Environment: "e", Identities: []vaultstandin.Identity{long}},
	} {
		if _, err := vaultstandin.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNoAnswerWithoutLog(t *testing.T) {
	s, err := vaultstandin.New(vaultstandin.Options{Project: "p", Environment: "e", Log: brokenLog{}})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/api/status", nil))
	if answer.Code != http.StatusInternalServerError {
		t.Errorf("status %d with a log that cannot be written", answer.Code)
	}
}

type brokenLog struct{}

func (brokenLog) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestReadLogTellsTornLine(t *testing.T) {
	entries, err := vaultstandin.ReadLog(strings.NewReader("{\"status\":200}\n{\"status\":4"))
	if err == nil || len(entries) != 1 || entries[0].Status != 200 {
		t.Errorf("%v %v", entries, err)
	}
}
