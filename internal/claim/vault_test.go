package claim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/bundle"
)

const (
	token = "ghp_this-must-not-be-seen"
	host  = "https://vault.example.com"

	login  = "POST /api/v1/auth/universal-auth/login"
	read   = "GET /api/v3/secrets/raw/GITHUB_TOKEN"
	list   = "GET /api/v3/secrets/raw"
	revoke = "POST /api/v1/auth/token/revoke"
)

// vault answers the calls that a claim makes; the castle's stand-in, which Infisical's own client keeps
// honest, is the full one. It has no network, so that tests of time can run in a bubble.
type vault struct {
	// secrets are the values by "folder:key".
	secrets map[string]string
	// faults are answers that a call gets instead, first to last.
	faults map[string][]fault

	mu      sync.Mutex
	calls   []string
	bodies  []string
	logins  int
	expired int // access tokens up to this login are no longer taken
}

type fault struct {
	status     int
	kind, text string
	retryAfter string
}

// RoundTrip implements http.RoundTripper.
func (v *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	v.ServeHTTP(recorder, r)
	return recorder.Result(), r.Context().Err()
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	call := r.Method + " " + r.URL.Path
	v.calls = append(v.calls, call)
	if faults := v.faults[call]; len(faults) > 0 {
		v.faults[call] = faults[1:]
		if faults[0].retryAfter != "" {
			w.Header().Set("Retry-After", faults[0].retryAfter)
		}
		refuse(w, faults[0].status, faults[0].kind, faults[0].text)
		return
	}
	if r.Method == http.MethodPost {
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			refuse(w, http.StatusBadRequest, "BadRequest", "no JSON")
			return
		}
		v.post(w, call, body)
		return
	}
	if !v.takes(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
		refuse(w, http.StatusForbidden, "TokenError", "Your token has expired. Please re-authenticate.")
		return
	}
	v.get(w, r)
}

// takes tells whether an access token is good. Each login has its own: tests may share a vault.
func (v *vault) takes(token string) bool {
	var login int
	_, err := fmt.Sscanf(token, "session-%d", &login)
	return token == "made-by-hand" || err == nil && login > v.expired && login <= v.logins
}

func (v *vault) post(w http.ResponseWriter, call string, body map[string]string) {
	v.bodies = append(v.bodies, fmt.Sprint(body))
	known := []map[string]string{{"clientId": "id", "clientSecret": "key"}, {"identityId": "id", "jwt": "header.payload.signature"}}
	switch {
	case call == revoke:
		fmt.Fprint(w, `{"message":"ok"}`)
	case slices.ContainsFunc(known, func(k map[string]string) bool { return fmt.Sprint(k) == fmt.Sprint(body) }):
		v.logins++
		fmt.Fprintf(w, `{"accessToken":"session-%d","expiresIn":60,"accessTokenMaxTTL":60,"tokenType":"Bearer"}`, v.logins)
	default:
		refuse(w, http.StatusUnauthorized, "UnauthorizedError", "Invalid credentials")
	}
}

func (v *vault) get(w http.ResponseWriter, r *http.Request) {
	folder := r.URL.Query().Get("secretPath")
	name, single := strings.CutPrefix(r.URL.Path, "/api/v3/secrets/raw/")
	found := []map[string]any{}
	for _, at := range slices.Sorted(func(yield func(string) bool) {
		for at := range v.secrets {
			if !yield(at) {
				return
			}
		}
	}) {
		in, key, _ := strings.Cut(at, ":")
		below := r.URL.Query().Get("recursive") == "true" && strings.HasPrefix(in, strings.TrimSuffix(folder, "/")+"/")
		if (in == folder || below) && (!single || key == name) {
			found = append(found, map[string]any{"secretKey": key, "secretValue": v.secrets[at], "secretPath": in, "secretValueHidden": key == "HIDDEN"})
		}
	}
	switch {
	case !single:
		_ = json.NewEncoder(w).Encode(map[string]any{"secrets": found, "imports": []any{}})
	case len(found) == 1:
		_ = json.NewEncoder(w).Encode(map[string]any{"secret": found[0]})
	default:
		refuse(w, http.StatusNotFound, "NotFound", "Secret with name '"+name+"' not found")
	}
}

func refuse(w http.ResponseWriter, status int, kind, text string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": status, "message": text, "error": kind})
}

// count is how many calls end in suffix.
func (v *vault) count(suffix string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, call := range v.calls {
		if strings.HasSuffix(call, suffix) {
			n++
		}
	}
	return n
}

// client is an HTTP client whose every request the vault answers.
func (v *vault) client() *http.Client { return &http.Client{Transport: v} }

// gitVault is a vault with the one secret that most tests want.
func gitVault() *vault {
	return &vault{secrets: map[string]string{"/git:GITHUB_TOKEN": token}, faults: map[string][]fault{}}
}

const (
	// gitSpec and gitStore are the usual ExternalSecret and store, for claimOf.
	gitSpec  = `target: {template: {metadata: {labels: {a: b}}, data: {username: git, password: "{{ .TOKEN }}"}}}, data: [{secretKey: TOKEN, remoteRef: {key: GITHUB_TOKEN}}]`
	gitStore = "hostAPI: " + host + ", " + scope + ", " + universal

	scope      = "secretsScope: {projectSlug: homelab, environmentSlug: prod, secretsPath: /git}"
	universal  = `auth: {universalAuthCredentials: {clientId: {name: identity, namespace: seed-system, key: clientId}, clientSecret: {name: identity, namespace: seed-system, key: clientSecret}}}`
	kubernetes = `auth: {kubernetesAuthCredentials: {identityId: {name: identity, namespace: seed-system, key: clientId}, serviceAccountTokenPath: {name: identity, namespace: seed-system, key: path}}}`
	jwt        = `auth: {jwtAuthCredentials: {identityId: {name: identity, namespace: seed-system, key: clientId}, jwt: {name: identity, namespace: seed-system, key: jwt}}}`
	byHand     = `auth: {tokenAuthCredentials: {accessToken: {name: identity, namespace: seed-system, key: token}}}`
)

// claimOf is a claim of the Secret name, from a bundle with the fields spec of its ExternalSecret and the
// fields store of its Infisical provider.
func claimOf(t *testing.T, name, spec, store string) bundle.Claim {
	t.Helper()
	b, err := bundle.Parse([]byte(strings.NewReplacer("NAME", name, "SPEC", spec, "STORE", store).Replace(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: g, namespace: flux-system}
spec: {interval: 1m, url: "https://git.example.com/x.git", secretRef: {name: NAME}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: k, namespace: flux-system}
spec: {interval: 1m, path: ./c, prune: true, sourceRef: {kind: GitRepository, name: g}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: NAME, namespace: flux-system, labels: {of: externalsecret}, annotations: {note: kept}}
spec: {secretStoreRef: {kind: ClusterSecretStore, name: infisical}, SPEC}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: infisical}
spec: {provider: {infisical: {STORE}}}
`)))
	if err != nil {
		t.Fatal(err)
	}
	return b.Claims[len(b.Claims)-1]
}

// identity is the Secret with everything that some auth block above names.
func identity() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "seed-system", Name: "identity"},
		Data: map[string][]byte{
			"clientId": []byte("id"), "clientSecret": []byte("key"),
			"jwt": []byte("header.payload.signature"), "token": []byte("made-by-hand"),
		},
	}
}
