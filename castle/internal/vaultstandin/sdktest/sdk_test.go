package sdktest

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	infisical "github.com/infisical/go-sdk"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

const (
	clientID     = "5b1f6a3e-client"
	clientSecret = "st-very-secret"
	userAgent    = "infisical-go-sdk" // the client's default
	identityID   = "4f2c1c9e-9d5b-4b43-9d4e-0c7f0a0f7a11"
	// serviceAccountToken is one that the cluster vouches for.
	serviceAccountToken = "service-account-token"
)

// start serves the stand-in over TLS and returns the client that trusts it and
// a function that reads the request log.
func start(t *testing.T, id vaultstandin.Identity) (infisical.InfisicalClientInterface, func() []vaultstandin.Entry) {
	t.Helper()
	id.Name, id.ClientID, id.ClientSecret = "eso", clientID, clientSecret
	var log bytes.Buffer
	id.ID = identityID
	vault, err := vaultstandin.New(vaultstandin.Options{
		Project: "tazlab-k8s", Environment: "prod",
		Identities: []vaultstandin.Identity{id},
		Secrets: map[string]map[string]string{
			"/flux":     {"URL": "https://${TOKEN}@git.example", "TOKEN": "ghp-very-private"},
			"/flux/sub": {"DEEP": "deep"},
		},
		TokenReview: func(_ context.Context, jwt string) (string, string, error) {
			if jwt != serviceAccountToken {
				return "", "", errors.New("invalid bearer token")
			}
			return "external-secrets", "eso", nil
		},
		Log: &log,
	})
	if err != nil {
		t.Fatal(err)
	}
	vault.Import("/imports", "/flux/sub")
	server := httptest.NewTLSServer(vault)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	client := infisical.NewInfisicalClient(t.Context(), infisical.Config{
		SiteUrl: server.URL, CaCertificate: string(ca), LogWriter: io.Discard,
	})
	return client, func() []vaultstandin.Entry {
		server.Close() // waits for the requests on their way
		entries, err := vaultstandin.ReadLog(&log)
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
}

// TestOperatorsCalls makes the calls of the External Secrets Operator's
// Infisical provider: NewClient, Validate, GetSecret, GetAllSecrets, Close
// (v0.20.4, pkg/provider/infisical).
func TestOperatorsCalls(t *testing.T) {
	client, entries := start(t, vaultstandin.Identity{})

	credential, err := client.Auth().UniversalAuthLogin(clientID, clientSecret)
	if err != nil || credential.TokenType != "Bearer" || credential.ExpiresIn != 2592000 || credential.AccessTokenMaxTTL != 2592000 {
		t.Fatalf("login: %v", err)
	}
	listed, err := client.Secrets().List(infisical.ListSecretsOptions{
		Environment: "prod", ProjectSlug: "tazlab-k8s", SecretPath: "/flux", ExpandSecretReferences: true,
	})
	if err != nil || len(listed) != 2 {
		t.Errorf("validate: %v %v", listed, err)
	}
	secret, err := client.Secrets().Retrieve(infisical.RetrieveSecretOptions{
		Environment: "prod", ProjectSlug: "tazlab-k8s", SecretKey: "URL", SecretPath: "/flux",
		IncludeImports: true, ExpandSecretReferences: true,
	})
	if err != nil || secret.SecretKey != "URL" || secret.SecretValue != "https://ghp-very-private@git.example" ||
		secret.SecretPath != "/flux" || secret.Environment != "prod" || secret.Type != "shared" || secret.Version != 1 || secret.ID == "" || secret.Workspace == "" {
		t.Errorf("one secret: %+v %v", secret, err)
	}
	listed, err = client.Secrets().List(infisical.ListSecretsOptions{
		Environment: "prod", ProjectSlug: "tazlab-k8s", SecretPath: "/flux", Recursive: true,
		ExpandSecretReferences: true, IncludeImports: true,
	})
	var keys []string
	for _, s := range listed {
		keys = append(keys, s.SecretPath+" "+s.SecretKey)
	}
	if want := []string{"/flux/sub DEEP", "/flux TOKEN", "/flux URL"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("all secrets: %q %v, want %q", keys, err, want)
	}
	if err := client.Auth().RevokeAccessToken(); err != nil {
		t.Errorf("revoke: %v", err)
	}

	const raw = "/api/v3/secrets/raw"
	want := []vaultstandin.Entry{
		{Method: "POST", Path: "/api/v1/auth/universal-auth/login"},
		{Method: "GET", Path: raw, Folder: "/flux"},
		{Method: "GET", Path: raw + "/URL", Folder: "/flux", Secret: "URL"},
		{Method: "GET", Path: raw, Folder: "/flux"},
		{Method: "POST", Path: "/api/v1/auth/token/revoke"},
	}
	for i := range want {
		want[i].Status, want[i].Identity, want[i].UserAgent = 200, "eso", userAgent
	}
	got := entries()
	for i := range got {
		got[i].Time, got[i].Remote = time.Time{}, ""
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log:\n got %+v\nwant %+v", got, want)
	}
}

// TestErrors proves that the client understands the stand-in's errors.
func TestErrors(t *testing.T) {
	client, _ := start(t, vaultstandin.Identity{})
	_, err := client.Auth().UniversalAuthLogin(clientID, "wrong")
	wantAPIError(t, err, 401, "Invalid credentials")

	credential, err := client.Auth().UniversalAuthLogin(clientID, clientSecret)
	if err != nil {
		t.Fatal(err)
	}
	read := infisical.RetrieveSecretOptions{Environment: "prod", ProjectSlug: "tazlab-k8s", SecretKey: "ABSENT", SecretPath: "/flux"}
	_, err = client.Secrets().Retrieve(read)
	wantAPIError(t, err, 404, "Secret with name 'ABSENT' not found")

	read.Type = "mine"
	_, err = client.Secrets().Retrieve(read)
	var apiErr *infisical.APIError
	if !errors.As(err, &apiErr) || apiErr.StatusCode != 422 || !strings.Contains(apiErr.ErrorMessage, "invalid_enum_value") {
		t.Errorf("a wrong word: %v", err)
	}

	if err := client.Auth().RevokeAccessToken(); err != nil {
		t.Fatal(err)
	}
	client.Auth().SetAccessToken(credential.AccessToken)
	_, err = client.Secrets().Retrieve(read)
	wantAPIError(t, err, 401, "You are not allowed to access this resource")
}

func wantAPIError(t *testing.T, err error, status int, message string) {
	t.Helper()
	var apiErr *infisical.APIError
	if !errors.As(err, &apiErr) {
		t.Errorf("got %v, want an APIError", err)
		return
	}
	if apiErr.StatusCode != status || apiErr.ErrorMessage != message || apiErr.ReqId == "" {
		t.Errorf("got %+v, want %d %q and a reqId", *apiErr, status, message)
	}
}

// TestRenewal: a token within five seconds of its end makes the client renew it
// before the next call.
func TestRenewal(t *testing.T) {
	client, entries := start(t, vaultstandin.Identity{TokenTTL: 5 * time.Second, TokenMaxTTL: time.Hour})
	credential, err := client.Auth().UniversalAuthLogin(clientID, clientSecret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Secrets().Retrieve(infisical.RetrieveSecretOptions{
		Environment: "prod", ProjectSlug: "tazlab-k8s", SecretKey: "TOKEN", SecretPath: "/flux",
	}); err != nil {
		t.Error(err)
	}
	if client.Auth().GetAccessToken() == credential.AccessToken {
		t.Error("the token is still the first one")
	}
	renewed := slices.ContainsFunc(entries(), func(e vaultstandin.Entry) bool {
		return e.Path == "/api/v1/auth/token/renew" && e.Status == 200 && e.Identity == "eso"
	})
	if !renewed {
		t.Error("no renewal in the log")
	}
}
