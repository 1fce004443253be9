package claim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/failure"
)

var target = types.NamespacedName{Namespace: "flux-system", Name: "flux-system"}

func TestClaimLogsInOnceAndRevokes(t *testing.T) {
	t.Parallel()
	v := gitVault()
	cluster := fake.NewClientBuilder().WithObjects(identity()).Build()
	claimer := claim.New(cluster, v.client())
	for _, name := range []string{"flux-system", "other"} {
		if created, err := claimer.Claim(t.Context(), claimOf(t, name, gitSpec, gitStore)); err != nil || !created {
			t.Fatalf("Claim(%s) = %v, %v", name, created, err)
		}
	}
	if err := claimer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{login, read, read, revoke}; !slices.Equal(v.calls, want) {
		t.Errorf("calls %q, want %q", v.calls, want)
	}
	var got corev1.Secret
	if err := cluster.Get(t.Context(), target, &got); err != nil {
		t.Fatal(err)
	}
	if string(got.Data["password"]) != token || string(got.Data["username"]) != "git" || len(got.Data) != 2 || got.Type != corev1.SecretTypeOpaque || got.Labels["a"] != "b" {
		t.Errorf("Secret %s %v with keys of %d entries is not what the template says", got.Type, got.Labels, len(got.Data))
	}
}

func TestClaimLeavesAnExistingSecretAlone(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"Owner", "Orphan", "Merge"} {
		v := gitVault()
		existing := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: target.Namespace, Name: target.Name}}
		claimer := claim.New(fake.NewClientBuilder().WithObjects(identity(), existing).Build(), v.client())
		spec := strings.Replace(gitSpec, "target: {", "target: {creationPolicy: "+policy+", ", 1)
		if created, err := claimer.Claim(t.Context(), claimOf(t, target.Name, spec, gitStore)); err != nil || created {
			t.Errorf("%s: Claim = %v, %v, want nothing done", policy, created, err)
		}
		if len(v.calls) != 0 {
			t.Errorf("%s: calls %q, want no login", policy, v.calls)
		}
	}
}

func TestClaimErrors(t *testing.T) {
	t.Parallel()
	refused := func(call string, status int, kind, text string) map[string][]fault {
		return map[string][]fault{call: slices.Repeat([]fault{{status: status, kind: kind, text: text}}, 10)}
	}
	for name, test := range map[string]struct {
		faults  map[string][]fault
		objects []client.Object
		spec    string
		logins  int
		blocked bool
		want    []string
	}{
		"bad credential":   {refused(login, 401, "UnauthorizedError", "Invalid credentials"), []client.Object{identity()}, gitSpec, 1, true, []string{"ClusterSecretStore infisical", "logging in", "401 Unauthorized: Invalid credentials", "lock-out"}},
		"no access":        {refused(read, 403, "PermissionDenied", "not allowed"), []client.Object{identity()}, gitSpec, 1, true, []string{`spec.data[0]: reading the secret "GITHUB_TOKEN" in /git of project homelab, environment prod`, "403", "read access"}},
		"wrong field":      {refused(read, 422, "ValidationFailure", "[{}]"), []client.Object{identity()}, gitSpec, 1, true, []string{"422", "a newer Infisical may want other parameters"}},
		"wrong login":      {refused(login, 422, "ValidationFailure", "[{}]"), []client.Object{identity()}, gitSpec, 1, true, []string{"422", "store's auth block"}},
		"no such secret":   {nil, []client.Object{identity()}, strings.ReplaceAll(gitSpec, "GITHUB_TOKEN", "ABSENT"), 1, true, []string{"404", "'ABSENT' not found", "secretsPath"}},
		"vault is down":    {refused(login, 503, "", ""), []client.Object{identity()}, gitSpec, 1, false, []string{"503", "log of the vault"}},
		"too many":         {refused(read, 429, "RateLimitExceeded", "slow down"), []client.Object{identity()}, gitSpec, 1, false, []string{"429", "slow down"}},
		"hidden value":     {nil, []client.Object{identity()}, strings.ReplaceAll(gitSpec, "GITHUB_TOKEN", "HIDDEN"), 1, true, []string{"readValue"}},
		"no identity":      {nil, nil, gitSpec, 0, true, []string{"reading the identity Secret seed-system/identity", "not found"}},
		"empty identity":   {nil, []client.Object{&corev1.Secret{ObjectMeta: identity().ObjectMeta}}, gitSpec, 0, true, []string{`no key "clientId"`}},
		"leaking template": {nil, []client.Object{identity()}, strings.Replace(gitSpec, "{{ .TOKEN }}", "{{ range .TOKEN }}{{ end }}", 1), 1, true, []string{"data[password]", "line 1, column 9", "cannot be done with it"}},
		"unknown value":    {nil, []client.Object{identity()}, strings.Replace(gitSpec, "{{ .TOKEN }}", "{{ .TOKE }}", 1), 1, true, []string{"data[password]", "TOKE"}},
		"nobody creates":   {nil, []client.Object{identity()}, strings.Replace(gitSpec, "target: {", "target: {creationPolicy: Merge, ", 1), 0, true, []string{"Secret flux-system/flux-system is not there", "creationPolicy: Merge", "Orphan"}},
		"token repeated":   {refused(read, 400, "BadRequest", "bad header Bearer session-1"), []client.Object{identity()}, gitSpec, 1, true, []string{"400", "Bearer [redacted]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := gitVault()
				v.faults, v.secrets["/git:HIDDEN"] = test.faults, "<hidden-by-infisical>"
				cluster := fake.NewClientBuilder().WithObjects(test.objects...).Build()
				_, err := claim.New(cluster, v.client()).Claim(t.Context(), claimOf(t, target.Name, test.spec, gitStore))
				expectError(t, err, test.blocked, test.want...)
				if v.count("/login") != test.logins {
					t.Errorf("%d logins, want %d", v.count("/login"), test.logins)
				}
				if err := cluster.Get(t.Context(), target, &corev1.Secret{}); err == nil {
					t.Error("a Secret was left behind")
				}
			})
		})
	}
}

// expectError wants an error that says all of want, shows no secret and is of the right sort.
func expectError(t *testing.T, err error, blocked bool, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range want {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	for _, hidden := range []string{token, "session-", "made-by-hand", "signature", "?workspaceSlug"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("the error shows %q: %v", hidden, err)
		}
	}
	if failure.IsBlocked(err) != blocked || failure.IsInvalid(err) {
		t.Errorf("blocked %v, want %v: %v", failure.IsBlocked(err), blocked, err)
	}
}

// What the vault answers must reach no one but it: a redirect is named and not followed.
func TestClaimFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var calls []string
	redirecting := roundTrip(func(r *http.Request) (*http.Response, error) {
		calls = append(calls, r.URL.Host)
		header := http.Header{"Location": {"https://elsewhere.example.com/login?key=1"}}
		return &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: header, Body: http.NoBody, Request: r}, nil
	})
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), &http.Client{Transport: redirecting})
	_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, gitStore))
	expectError(t, err, true, "307", "a redirect to elsewhere.example.com", "set hostAPI")
	if !slices.Equal(calls, []string{"vault.example.com"}) {
		t.Errorf("hosts %q were called", calls)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
