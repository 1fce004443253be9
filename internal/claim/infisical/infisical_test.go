package infisical_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tazlab/seed/internal/claim/infisical"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// vault answers every call with what a test says, without a network.
type vault struct {
	answer func(w http.ResponseWriter, r *http.Request)
	urls   []string
}

// RoundTrip implements http.RoundTripper.
func (v *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	v.urls = append(v.urls, r.Method+" "+r.URL.String())
	recorder := httptest.NewRecorder()
	v.answer(recorder, r)
	return recorder.Result(), nil
}

// session is one that took no login.
func session(t *testing.T, v *vault, hostAPI string) *infisical.Session {
	t.Helper()
	s, err := infisical.Login(t.Context(), &http.Client{Transport: v}, hostAPI, infisical.TokenAuth(secret.New("made-by-hand")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func answering(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// The queries are those that External Secrets Operator sends through Infisical's client.
func TestCallsAreThoseOfExternalSecretsOperator(t *testing.T) {
	t.Parallel()
	const query = "environment=prod&expandSecretReferences=true&include_imports=true&"
	scope := infisical.Scope{ProjectSlug: "home", EnvironmentSlug: "prod", Path: "/git", ExpandReferences: true}
	for _, hostAPI := range []string{"https://v.example.com", "https://v.example.com/", "https://v.example.com/api", "https://v.example.com/api/"} {
		v := &vault{answer: answering(`{"secret":{"secretValue":"x"},"secrets":[]}`)}
		s := session(t, v, hostAPI)
		for _, key := range []string{"TOKEN", "sub/dir/TOKEN", "/TOKEN", "/abs/TOKEN", "A B"} {
			if _, err := s.Secret(t.Context(), scope, key); err != nil {
				t.Fatal(err)
			}
		}
		deep := scope
		deep.Recursive, deep.ExpandReferences = true, false
		for _, scope := range []infisical.Scope{scope, deep} {
			if _, err := s.List(t.Context(), scope); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Revoke(t.Context()); err != nil {
			t.Fatal(err)
		}
		single := func(key, folder string) string {
			return "GET https://v.example.com/api/v3/secrets/raw/" + key + "?" + query + "secretPath=" + folder + "&type=shared&workspaceSlug=home"
		}
		want := []string{
			single("TOKEN", "%2Fgit"), single("TOKEN", "%2Fgit%2Fsub%2Fdir"), single("TOKEN", "%2F"), single("TOKEN", "%2Fabs"), single("A%20B", "%2Fgit"),
			"GET https://v.example.com/api/v3/secrets/raw?" + query + "recursive=false&secretPath=%2Fgit&workspaceSlug=home",
			"GET https://v.example.com/api/v3/secrets/raw?" + strings.Replace(query, "References=true", "References=false", 1) + "recursive=true&secretPath=%2Fgit&workspaceSlug=home",
		}
		if !slices.Equal(v.urls, want) {
			t.Errorf("calls\n%s\nwant\n%s", strings.Join(v.urls, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Own secrets win over imports, earlier imports over later ones.
func TestListMergesImports(t *testing.T) {
	t.Parallel()
	v := &vault{answer: answering(`{
		"secrets": [{"secretKey":"B","secretValue":"own","secretPath":"/git"},{"secretKey":"C","secretValue":"","secretPath":"/git","secretValueHidden":true}],
		"imports": [
			{"secretPath":"/one","secrets":[{"secretKey":"B","secretValue":"one"},{"secretKey":"A","secretValue":"one","secretPath":"/one"}]},
			{"secretPath":"/two","secrets":[{"secretKey":"A","secretValue":"two"},{"secretKey":"D","secretValue":"two"}]}]}`)}
	entries, err := session(t, v, "https://v.example.com").List(t.Context(), infisical.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprint(e.Key, "=", e.Value.Reveal(), " ", e.Path, " ", e.Hidden))
	}
	want := []string{"A=one /one false", "B=own /git false", "C= /git true", "D=two  false"}
	if !slices.Equal(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
	if strings.Contains(fmt.Sprintf("%v %+v", entries, entries), "own") {
		t.Error("a printed list shows a value")
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer  func(http.ResponseWriter, *http.Request)
		blocked bool
		calls   int
		want    string
	}{
		"HTML": {answering("<!doctype html><title>Infisical</title>"), true, 1, "a page of HTML"},
		"HTML, by type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}, true, 1, "a page of HTML"},
		"HTML and 502": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(502)
			fmt.Fprint(w, "<html>topsecret</html>")
		}, false, 3, "502 Bad Gateway: a page of HTML"},
		"other JSON": {answering(`{"hello":"topsecret"}`), true, 1, "holds no secret"},
		"other type": {answering(`{"secret":{"secretValue":{"a":"topsecret"}}}`), true, 1, "not the JSON of Infisical's API"},
		"text":       {answering("topsecret"), true, 1, "not the JSON of Infisical's API"},
		"half":       {answering(`{"secret":{"secretValue":"topsecr`), false, 3, "cut: the connection ended"},
		"empty":      {answering(""), false, 3, "cut: the connection ended"},
		"endless":    {answering(`{"secret":"` + strings.Repeat("x", 9<<20)), true, 1, "larger than 8 MiB"},
		"array of 422": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(422)
			fmt.Fprint(w, `{"message":[{"code":"invalid_type","path":["environment"],"message":"Required"},{"path":["tags",0],"message":"Too long"}]}`)
		}, true, 1, `422 Unprocessable Entity: "environment": Required; "tags.0": Too long (check the field that the vault names: projectSlug, environmentSlug`},
		"another array of 422": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(422)
			fmt.Fprint(w, `{"message":["x"]}`)
		}, true, 1, `422 Unprocessable Entity: ["x"] (`},
		"long message": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"message":%q}`, strings.Repeat("y", 2000))
		}, true, 1, strings.Repeat("y", 500) + " ..."},
		"proxy": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(407) }, true, 1, "HTTPS_PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := &vault{answer: test.answer}
				_, err := session(t, v, "https://v.example.com").Secret(t.Context(), infisical.Scope{Path: "/"}, "TOKEN")
				if err == nil || !strings.Contains(err.Error(), test.want) || failure.IsBlocked(err) != test.blocked {
					t.Errorf("Secret: %v (blocked %v), want %q", err, failure.IsBlocked(err), test.want)
				}
				if err != nil && (strings.Contains(err.Error(), "topsecr") || len(err.Error()) > 800) {
					t.Errorf("the error shows the answer: %v", err)
				}
				if len(v.urls) != test.calls {
					t.Errorf("%d calls, want %d", len(v.urls), test.calls)
				}
			})
		})
	}
}

func TestLoginWithoutAToken(t *testing.T) {
	t.Parallel()
	v := &vault{answer: answering(`{"ok":true}`)}
	_, err := infisical.Login(t.Context(), &http.Client{Transport: v}, "https://v.example.com", infisical.UniversalAuth(secret.New("id"), secret.New("key")))
	if !failure.IsBlocked(err) || !strings.Contains(err.Error(), "no accessToken") {
		t.Errorf("Login: %v", err)
	}
}

func TestIsExpired(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		"401 UnauthorizedError": true, "401 TokenError": true, "403 TokenError": true,
		"403 PermissionDenied": false, "404 NotFound": false, "500 InternalServerError": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			v := &vault{answer: func(w http.ResponseWriter, _ *http.Request) {
				var status int
				var kind string
				_, _ = fmt.Sscan(answer, &status, &kind)
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"error":%q}`, kind)
			}}
			_, err := session(t, v, "https://v.example.com").List(t.Context(), infisical.Scope{})
			var refusal *infisical.Error
			if infisical.IsExpired(err) != want || !errors.As(err, &refusal) || !strings.HasPrefix(answer, fmt.Sprint(refusal.Status)) {
				t.Errorf("%s: IsExpired(%v) = %v", answer, err, !want)
			}
		})
	}
}
