package vaultstandin_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

func TestList(t *testing.T) {
	v := newVault(t, nil)
	token := v.token()
	for query, want := range map[string][]string{
		"":                                     {"/ROOT"},
		"&secretPath=/flux":                    {"/flux/HOST"},
		"&secretPath=/flux/&recursive=true":    {"/flux/HOST", "/flux/git/LOOP", "/flux/git/TOKEN", "/flux/git/URL"},
		"&recursive=true&include_imports=true": {"/ROOT", "/flux/HOST", "/flux/git/LOOP", "/flux/git/TOKEN", "/flux/git/URL", "/fluxless/one/PING", "/fluxless/two/PONG"},
		"&secretPath=/fluxless":                nil,
		"&secretPath=/absent":                  nil,
		"&secretPath=/absent&recursive=true":   nil,
		"&viewSecretValue=true":                {"/ROOT"},
	} {
		status, body := v.do("GET", "/api/v3/secrets/raw"+project+query, token, "")
		if imports, ok := body["imports"].([]any); status != http.StatusOK || !ok || len(imports) != 0 {
			t.Fatalf("%s: %d %v", query, status, body)
		}
		var got []string
		for _, item := range body["secrets"].([]any) {
			secret := item.(map[string]any)
			folder, key := secret["secretPath"].(string), secret["secretKey"].(string)
			if folder != "/" {
				folder += "/"
			}
			got = append(got, folder+key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

func TestListOfUnknownEnvironmentIsEmpty(t *testing.T) {
	v := newVault(t, nil)
	status, body := v.do("GET", "/api/v3/secrets/raw?workspaceSlug=tazlab-k8s&environment=dev", v.token(), "")
	if secrets, ok := body["secrets"].([]any); status != http.StatusOK || !ok || len(secrets) != 0 {
		t.Errorf("%d %v", status, body)
	}
}

func TestReferences(t *testing.T) {
	v := newVault(t, nil)
	token := v.token()
	for query, want := range map[string]string{
		"URL" + project + "&secretPath=/flux/git":                                  "https://x:${TOKEN}@${prod.flux.HOST}/${NOWHERE}",
		"URL" + project + "&secretPath=/flux/git&expandSecretReferences=true":      "https://x:" + tokenValue + "@git.top.example/${NOWHERE}",
		"PING" + project + "&secretPath=/fluxless/one&expandSecretReferences=true": "12${prod.fluxless.one.PING}",
		"LOOP" + project + "&secretPath=/flux/git&expandSecretReferences=true":     "a${LOOP}",
	} {
		status, body := v.do("GET", "/api/v3/secrets/raw/"+query, token, "")
		if status != http.StatusOK || body["secret"].(map[string]any)["secretValue"] != want {
			t.Errorf("%s: %d %v, want %q", query, status, body, want)
		}
	}
}

func TestHiddenValue(t *testing.T) {
	v := newVault(t, nil)
	if _, secret := v.secret(v.token(), "ROOT", "&viewSecretValue=false"); secret["secretValueHidden"] != true || secret["secretValue"] != "<hidden-by-infisical>" {
		t.Errorf("with viewSecretValue=false: %v", secret)
	}
	v = newVault(t, func(id *vaultstandin.Identity) { id.HideValues = true })
	if status, secret := v.secret(v.token(), "ROOT", ""); status != http.StatusOK || secret["secretValueHidden"] != true || secret["secretValue"] != "<hidden-by-infisical>" {
		t.Errorf("without the permission readValue: %d %v", status, secret)
	}
}

func TestNoAccess(t *testing.T) {
	v := newVault(t, func(id *vaultstandin.Identity) { id.NoAccess = true })
	status, body := v.secret(v.token(), "ROOT", "")
	wantError(t, status, body, http.StatusForbidden, "PermissionDenied", "You are not allowed to describeSecret on secrets")
	if _, ok := body["details"].([]any); !ok {
		t.Errorf("no details: %v", body)
	}
}

func TestFailures(t *testing.T) {
	v := newVault(t, nil)
	token := v.token()
	for _, c := range []struct {
		method, target, token string
		status                int
		name, message         string
	}{
		{"GET", "/api/v3/secrets/raw/ABSENT" + project, token, 404, "NotFound", "Secret with name 'ABSENT' not found"},
		{"GET", "/api/v3/secrets/raw/ROOT" + project + "&version=2", token, 404, "NotFound", "Secret with name 'ROOT' not found"},
		{"GET", "/api/v3/secrets/raw/ROOT" + project + "&type=personal", token, 404, "NotFound", "Secret with name 'ROOT' not found"},
		{"GET", "/api/v3/secrets/raw/ROOT" + project + "&secretPath=/no", token, 404, "GetSecretByName", "Folder with path '/no' in environment with slug 'prod' not found"},
		{"GET", "/api/v3/secrets/raw/ROOT?workspaceSlug=tazlab-k8s&environment=dev", token, 404, "GetSecretByName", "Folder with path '/' in environment with slug 'dev' not found"},
		{"GET", "/api/v3/secrets/raw/ROOT?workspaceSlug=other&environment=prod", token, 404, "NotFound", "Project with slug 'other' not found"},
		{"GET", "/api/v3/secrets/raw?workspaceId=7&environment=prod", token, 404, "NotFound", "Project with ID '7' not found"},
		{"GET", "/api/v3/secrets/raw?environment=prod", token, 400, "BadRequest", "You must provide projectSlug or workspaceId"},
		{"GET", "/api/v3/secrets/raw/ROOT?workspaceSlug=tazlab-k8s", token, 400, "BadRequest", "Missing environment"},
		{"GET", "/api/v3/secrets/raw?workspaceSlug=tazlab-k8s", token, 400, "BadRequest", "Missing project id or environment"},
		{"GET", "/api/v3/secrets/raw/ROOT" + project, "", 401, "UnauthorizedError", "Token missing"},
		{"GET", "/api/v3/secrets/raw/ROOT" + project, "invented", 403, "TokenError", "The provided access token is malformed. Please use a valid token or generate a new one and try again."},
		{"GET", "/api/v4/secrets", token, 404, "NotFound", "Route GET:/api/v4/secrets not found"},
		{"POST", "/api/v3/secrets/raw/ROOT", token, 404, "NotFound", "Route POST:/api/v3/secrets/raw/ROOT not found"},
		{"GET", "/", "", 404, "NotFound", "Route GET:/ not found"},
	} {
		status, body := v.do(c.method, c.target, c.token, "")
		wantError(t, status, body, c.status, c.name, c.message)
	}
	status, body := v.do("GET", "/api/v3/secrets/raw"+project+"&recursive=1&type=mine", token, "")
	if issues, ok := body["message"].([]any); status != http.StatusUnprocessableEntity || !ok || len(issues) != 2 {
		t.Errorf("wrong words: %d %v", status, body)
	}
}
