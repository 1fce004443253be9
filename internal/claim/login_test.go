package claim_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
)

func TestClaimLogsInAsTheStoreSays(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("header.payload.signature"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		auth  string
		calls []string
		body  string
	}{
		"universal":  {universal, []string{login, read, revoke}, "map[clientId:id clientSecret:key]"},
		"kubernetes": {kubernetes, []string{"POST /api/v1/auth/kubernetes-auth/login", read, revoke}, "map[identityId:id jwt:header.payload.signature]"},
		"jwt":        {jwt, []string{"POST /api/v1/auth/jwt-auth/login", read, revoke}, "map[identityId:id jwt:header.payload.signature]"},
		"token":      {byHand, []string{read}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, id := gitVault(), identity()
			id.Data["path"] = []byte(file)
			claimer := claim.New(fake.NewClientBuilder().WithObjects(id).Build(), v.client())
			if _, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, strings.Replace(gitStore, universal, test.auth, 1))); err != nil {
				t.Fatal(err)
			}
			if err := claimer.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(v.calls, test.calls) {
				t.Errorf("calls %q, want %q", v.calls, test.calls)
			}
			if test.body != "" && v.bodies[0] != test.body {
				t.Errorf("the login sends %s, want %s", v.bodies[0], test.body)
			}
		})
	}
}

// The kubelet replaces a projected token; the one of the last login may have expired.
func TestClaimReadsTheTokenFileAtEachLogin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	v, id := gitVault(), identity()
	id.Data["path"] = []byte(file)
	claimer := claim.New(fake.NewClientBuilder().WithObjects(id).Build(), v.client())
	c := claimOf(t, target.Name, gitSpec, strings.Replace(gitStore, universal, kubernetes, 1))
	_, err := claimer.Claim(t.Context(), c)
	expectError(t, err, true, file, "no such file", "seed's Pod")
	for _, content := range []string{"", strings.Repeat("x", 9000)} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = claimer.Claim(t.Context(), c)
		expectError(t, err, true, file, "empty, or longer")
	}
	if len(v.calls) != 0 {
		t.Errorf("calls %q without a token", v.calls)
	}
	if err := os.WriteFile(file, []byte("header.payload.signature"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := claimer.Claim(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestClaimNeverSendsTheTokenForTheAPIServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "secrets", "kubernetes.io", "serviceaccount")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("header.payload.signature"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, id := gitVault(), identity()
	id.Data["path"] = []byte(file)
	claimer := claim.New(fake.NewClientBuilder().WithObjects(id).Build(), v.client())
	_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, strings.Replace(gitStore, universal, kubernetes, 1)))
	expectError(t, err, true, "the API server accepts", "audience")
	if len(v.calls) != 0 {
		t.Errorf("calls %q", v.calls)
	}
}

// With the annotation the auth block does not count: seed logs in with the token for the vault's host, read anew each
// time, and once for all stores with the same identity there.
func TestClaimLogsInWithItsOwnToken(t *testing.T) {
	t.Parallel()
	for address, folder := range map[string]string{host: "vault.example.com", "https://[::1]:8443": "--1"} {
		dir, v := t.TempDir(), gitVault()
		claimer := claim.New(fake.NewClientBuilder().Build(), v.client())
		if claimer.TokenDir != "/var/run/secrets/seed.tazlab.net" {
			t.Errorf("TokenDir is %q", claimer.TokenDir)
		}
		claimer.TokenDir = dir
		annotate := func(c bundle.Claim, id string) bundle.Claim {
			c.Store.Annotations = map[string]string{bundle.JWTIdentityAnnotation: id}
			return c
		}
		at := strings.Replace(gitStore, host, `"`+address+`"`, 1)
		_, err := claimer.Claim(t.Context(), annotate(claimOf(t, "a", gitSpec, at), "id"))
		expectError(t, err, true, filepath.Join(dir, folder, "token"), "no such file", bundle.JWTIdentityAnnotation, "render the inline manifest anew")
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, content := range []string{"header.payload.expired", "header.payload.signature"} {
			if err := os.WriteFile(filepath.Join(dir, folder, "token"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = claimer.Claim(t.Context(), annotate(claimOf(t, "a", gitSpec, at), "id"))
		}
		if err != nil {
			t.Fatal(err)
		}
		// Another auth block, the same identity; then another identity.
		if _, err := claimer.Claim(t.Context(), annotate(claimOf(t, "b", gitSpec, strings.Replace(at, universal, byHand, 1)), "id")); err != nil {
			t.Fatal(err)
		}
		_, err = claimer.Claim(t.Context(), annotate(claimOf(t, "c", gitSpec, at), "other"))
		expectError(t, err, true, "401")
		jwtLogin := "POST /api/v1/auth/jwt-auth/login"
		if want := []string{jwtLogin, jwtLogin, read, read, jwtLogin}; !slices.Equal(v.calls, want) {
			t.Errorf("calls %q, want %q", v.calls, want)
		}
	}
}

func TestClaimNeverSendsTheTokenForTheAPIServerAsItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real := filepath.Join(dir, "secrets", "kubernetes.io", "serviceaccount")
	if err := os.MkdirAll(real, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(real, "token"), []byte("header.payload.signature"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, filepath.Join(dir, "vault.example.com")); err != nil {
		t.Fatal(err)
	}
	v := gitVault()
	claimer := claim.New(fake.NewClientBuilder().Build(), v.client())
	claimer.TokenDir = dir
	c := claimOf(t, "a", gitSpec, gitStore)
	c.Store.Annotations = map[string]string{bundle.JWTIdentityAnnotation: "id"}
	_, err := claimer.Claim(t.Context(), c)
	expectError(t, err, true, "the API server accepts", "audience")
	if len(v.calls) != 0 {
		t.Errorf("calls %q", v.calls)
	}
}

func TestClaimLogsInAgainWhenItsTokenHasExpired(t *testing.T) {
	t.Parallel()
	v := gitVault()
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), v.client())
	for i, name := range []string{"a", "b"} {
		if _, err := claimer.Claim(t.Context(), claimOf(t, name, gitSpec, gitStore)); err != nil {
			t.Fatal(err)
		}
		v.expired = i + 1
	}
	if want := []string{login, read, read, login, read}; !slices.Equal(v.calls, want) {
		t.Errorf("calls %q, want %q", v.calls, want)
	}
	// From now on every token is refused: one new login is tried, and the next claim starts anew.
	v.expired, v.calls = 100, nil
	for range 2 {
		_, err := claimer.Claim(t.Context(), claimOf(t, "c", gitSpec, gitStore))
		expectError(t, err, true, "403", "Your token has expired", "lifetime")
	}
	if want := []string{read, login, read, login, read, login, read}; !slices.Equal(v.calls, want) {
		t.Errorf("calls %q, want %q", v.calls, want)
	}
}

// A token that somebody made by hand cannot be had anew.
func TestClaimWithAnExpiredTokenByHand(t *testing.T) {
	t.Parallel()
	v := gitVault()
	v.faults[read] = []fault{{status: 401, kind: "TokenError", text: "expired"}, {status: 401, kind: "TokenError", text: "expired"}}
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), v.client())
	c := claimOf(t, target.Name, gitSpec, strings.Replace(gitStore, universal, byHand, 1))
	_, err := claimer.Claim(t.Context(), c)
	expectError(t, err, true, "401", "put a new access token into the Secret")
	if len(v.calls) != 1 {
		t.Errorf("calls %q, want one", v.calls)
	}
	// The cure: a new token in the Secret is used at the next try.
	v.faults = nil
	if _, err := claimer.Claim(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestClaimNamesTheCauseOfARefusedLogin(t *testing.T) {
	t.Parallel()
	const jwtLogin = "POST /api/v1/auth/jwt-auth/login"
	for name, test := range map[string]struct {
		auth, call string
		fault      fault
		blocked    bool
		want       []string
	}{
		"array aud":               {jwt, jwtLogin, fault{status: 500, text: "Something went wrong"}, false, []string{"500", "Something went wrong", "leave boundAudiences empty"}},
		"wrong issuer":            {jwt, jwtLogin, fault{status: 403, kind: "ForbiddenError", text: "Access denied: issuer mismatch"}, true, []string{"JWT Auth", "issuer mismatch", "boundIssuer"}},
		"no JWT Auth":             {jwt, jwtLogin, fault{status: 404, text: "JWT auth method not found for identity"}, true, []string{"register the cluster", "seed render jwks"}},
		"locked out":              {universal, login, fault{status: 401, text: "This identity auth method is temporarily locked, please try again later"}, true, []string{"temporarily locked", "lock-out"}},
		"universal 500":           {universal, login, fault{status: 500, text: "Something went wrong"}, false, []string{"500", "log of the vault"}},
		"TokenError is no expiry": {universal, login, fault{status: 403, kind: "TokenError", text: "odd"}, true, []string{"403"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := gitVault()
				v.faults[test.call] = slices.Repeat([]fault{test.fault}, 5)
				claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), v.client())
				_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, strings.Replace(gitStore, universal, test.auth, 1)))
				expectError(t, err, test.blocked, test.want...)
				if len(v.calls) != 1 {
					t.Errorf("calls %q, want one login", v.calls)
				}
			})
		})
	}
}
