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
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/failure"
)

const token = "ghp_this-must-not-be-seen"

// vault answers the three calls; the castle's stand-in, which Infisical's own client keeps honest, is the
// full one. Fail maps a call to the status it answers instead.
type vault struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
	fail  map[string]int
}

func newVault(t *testing.T, fail map[string]int) *vault {
	t.Helper()
	v := &vault{fail: fail}
	v.Server = httptest.NewTLSServer(v)
	t.Cleanup(v.Close)
	return v
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + r.URL.Path
	v.mu.Lock()
	v.calls = append(v.calls, call)
	v.mu.Unlock()
	if status := v.fail[call]; status != 0 {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": status, "message": "Invalid credentials", "error": "UnauthorizedError"})
		return
	}
	switch call {
	case "POST /api/v1/auth/universal-auth/login":
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body["clientId"] != "id" || body["clientSecret"] != "key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"accessToken":"session","expiresIn":60,"accessTokenMaxTTL":60,"tokenType":"Bearer"}`)
	case "GET /api/v3/secrets/raw/GITHUB_TOKEN":
		q := r.URL.Query()
		if r.Header.Get("Authorization") != "Bearer session" || q.Get("workspaceSlug") != "homelab" || q.Get("environment") != "prod" ||
			q.Get("secretPath") != "/git" || q.Get("expandSecretReferences") != "true" || q.Get("include_imports") != "true" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"secret":{"secretKey":"GITHUB_TOKEN","secretValue":%q,"secretValueHidden":%v}}`, token, v.fail["hidden"] != 0)
	case "POST /api/v1/auth/token/revoke":
		fmt.Fprint(w, `{"message":"ok"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (v *vault) count(call string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, c := range v.calls {
		if strings.HasSuffix(c, call) {
			n++
		}
	}
	return n
}

// claimFor is a claim of the Secret name at v, in a bundle as users write it.
func claimFor(t *testing.T, v *vault, name, template string) bundle.Claim {
	t.Helper()
	b, err := bundle.Parse([]byte(strings.NewReplacer("NAME", name, "VAULT", v.URL, "TEMPLATE", template).Replace(`
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
metadata: {name: NAME, namespace: flux-system}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: infisical}
  target:
    TEMPLATE
  data: [{secretKey: TOKEN, remoteRef: {key: GITHUB_TOKEN}}]
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: infisical}
spec:
  provider:
    infisical:
      hostAPI: VAULT
      secretsScope: {projectSlug: homelab, environmentSlug: prod, secretsPath: /git}
      auth:
        universalAuthCredentials:
          clientId: {name: identity, namespace: seed-system, key: clientId}
          clientSecret: {name: identity, namespace: seed-system, key: clientSecret}
`)))
	if err != nil {
		t.Fatal(err)
	}
	return b.Claims[0]
}

const template = `template: {metadata: {labels: {a: b}}, data: {username: git, password: "{{ .TOKEN }}"}}`

func identity() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "seed-system", Name: "identity"},
		Data:       map[string][]byte{"clientId": []byte("id"), "clientSecret": []byte("key")},
	}
}

func TestClaimLogsInOnceAndRevokes(t *testing.T) {
	t.Parallel()
	v := newVault(t, nil)
	cluster := fake.NewClientBuilder().WithObjects(identity()).Build()
	claimer := claim.New(cluster, v.Client())
	for _, name := range []string{"flux-system", "other"} {
		if created, err := claimer.Claim(t.Context(), claimFor(t, v, name, template)); err != nil || !created {
			t.Fatalf("Claim(%s) = %v, %v", name, created, err)
		}
	}
	if err := claimer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST /api/v1/auth/universal-auth/login", "GET /api/v3/secrets/raw/GITHUB_TOKEN", "GET /api/v3/secrets/raw/GITHUB_TOKEN", "POST /api/v1/auth/token/revoke"}
	if !slices.Equal(v.calls, want) {
		t.Errorf("calls %q, want %q", v.calls, want)
	}
	var got corev1.Secret
	if err := cluster.Get(t.Context(), types.NamespacedName{Namespace: "flux-system", Name: "flux-system"}, &got); err != nil {
		t.Fatal(err)
	}
	if string(got.Data["password"]) != token || string(got.Data["username"]) != "git" || len(got.Data) != 2 || got.Type != corev1.SecretTypeOpaque || got.Labels["a"] != "b" {
		t.Errorf("Secret %s %v with keys of %d entries is not what the template says", got.Type, got.Labels, len(got.Data))
	}
}

func TestClaimLeavesAnExistingSecretAlone(t *testing.T) {
	t.Parallel()
	v := newVault(t, nil)
	existing := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "flux-system"}}
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity(), existing).Build(), v.Client())
	if created, err := claimer.Claim(t.Context(), claimFor(t, v, "flux-system", template)); err != nil || created {
		t.Errorf("Claim = %v, %v, want nothing done", created, err)
	}
	if len(v.calls) != 0 {
		t.Errorf("calls %q, want no login", v.calls)
	}
}

func TestClaimErrors(t *testing.T) {
	t.Parallel()
	const login, read = "POST /api/v1/auth/universal-auth/login", "GET /api/v3/secrets/raw/GITHUB_TOKEN"
	for name, test := range map[string]struct {
		fail     map[string]int
		objects  []client.Object
		template string
		logins   int
		blocked  bool
		want     []string
	}{
		"bad credential":   {map[string]int{login: 401}, []client.Object{identity()}, template, 1, true, []string{"logging in", "401 Unauthorized: Invalid credentials", "lock-out"}},
		"no access":        {map[string]int{read: 403}, []client.Object{identity()}, template, 1, true, []string{`reading the secret "GITHUB_TOKEN" in /git of project homelab, environment prod`, "403", "read access"}},
		"no such secret":   {map[string]int{read: 404}, []client.Object{identity()}, template, 1, true, []string{"404", "secretsPath"}},
		"vault is down":    {map[string]int{login: 503}, []client.Object{identity()}, template, 1, false, []string{"503"}},
		"too many":         {map[string]int{read: 429}, []client.Object{identity()}, template, 1, false, []string{"429"}},
		"hidden value":     {map[string]int{"hidden": 1}, []client.Object{identity()}, template, 1, true, []string{"readValue"}},
		"no identity":      {nil, nil, template, 0, true, []string{"reading the identity Secret seed-system/identity", "not found"}},
		"empty identity":   {nil, []client.Object{&corev1.Secret{ObjectMeta: identity().ObjectMeta}}, template, 0, true, []string{`no key "clientId"`}},
		"leaking template": {nil, []client.Object{identity()}, `template: {data: {password: "{{ range .TOKEN }}{{ end }}"}}`, 1, true, []string{"data[password]", "line 1, column 9", "cannot be done with it"}},
		"unknown value":    {nil, []client.Object{identity()}, `template: {data: {password: "{{ .TOKE }}"}}`, 1, true, []string{"data[password]", "TOKE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t, test.fail)
			cluster := fake.NewClientBuilder().WithObjects(test.objects...).Build()
			claimer := claim.New(cluster, v.Client())
			_, err := claimer.Claim(t.Context(), claimFor(t, v, "flux-system", test.template))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			for _, hidden := range []string{token, "session", v.URL + "?"} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("the error shows %q: %v", hidden, err)
				}
			}
			if failure.IsBlocked(err) != test.blocked || v.count("/login") != test.logins {
				t.Errorf("blocked %v after %d logins, want %v after %d: %v", failure.IsBlocked(err), v.count("/login"), test.blocked, test.logins, err)
			}
			if err := cluster.Get(t.Context(), types.NamespacedName{Namespace: "flux-system", Name: "flux-system"}, &corev1.Secret{}); err == nil {
				t.Error("a Secret was left behind")
			}
		})
	}
}

func TestClaimNamesAnUnknownAuthority(t *testing.T) {
	t.Parallel()
	v := newVault(t, nil)
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), claim.HTTPClient(nil))
	_, err := claimer.Claim(t.Context(), claimFor(t, v, "flux-system", template))
	if err == nil || !strings.Contains(err.Error(), "x509") || failure.IsBlocked(err) {
		t.Errorf("Claim: %v, want the certificate's error", err)
	}
}
