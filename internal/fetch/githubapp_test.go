package fetch_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

// proven checks the JSON Web Token of an App as GitHub does.
func proven(r *http.Request, public *rsa.PublicKey) error {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return fmt.Errorf("no JSON Web Token")
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return err
		}
	}
	var header struct{ Alg, Typ string }
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	if err := json.Unmarshal(raw[0], &header); err != nil || header.Alg != "RS256" || header.Typ != "JWT" {
		return fmt.Errorf("header %s", raw[0])
	}
	if err := json.Unmarshal(raw[1], &claims); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], raw[2]); err != nil {
		return err
	}
	now := time.Now().Unix()
	if claims.Iss != "12345" || claims.Iat > now || claims.Iat < now-60 || claims.Exp <= now || claims.Exp > now+600 {
		return fmt.Errorf("claims %+v", claims)
	}
	return nil
}

// gitHub is the part of GitHub's API that an App needs: it hands out password to who proves to be App 12345.
func gitHub(public *rsa.PublicKey) http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, status int, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := proven(r, public); err != nil {
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprintf(w, `{"message": "A JSON web token could not be decoded: %v"}`, err)
				return
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	answer("POST /api/v3/app/installations/678/access_tokens", http.StatusCreated, `{"token": "`+password+`", "expires_at": "2036-01-01T00:00:00Z"}`)
	answer("POST /api/v3/app/installations/403/access_tokens", http.StatusForbidden, `{"message": "This installation has been suspended"}`)
	mux.HandleFunc("POST /api/v3/app/installations/429/access_tokens", status(http.StatusForbidden, "Retry-After", "60"))
	mux.HandleFunc("POST /api/v3/app/installations/430/access_tokens", status(http.StatusForbidden, "X-RateLimit-Remaining", "0"))
	answer("POST /api/v3/app/installations/502/access_tokens", http.StatusBadGateway, `<html>`)
	answer("POST /api/v3/app/installations/200/access_tokens", http.StatusOK, `<html>`+password)
	mux.Handle("POST /api/v3/app/installations/307/access_tokens", http.RedirectHandler("/api/v3/app/installations/678/access_tokens", http.StatusTemporaryRedirect))
	answer("GET /api/v3/orgs/tazlab/installation", http.StatusOK, `{"id": 678}`)
	answer("GET /api/v3/users/taz/installation", http.StatusOK, `{"id": 678}`)
	answer("/", http.StatusNotFound, `{"message": "Not Found"}`)
	return mux
}

func TestGitHubApp(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	otherKey := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(other)}))
	ca := newAuthority(t)
	r, _ := history(t)
	git := ca.https(guarded(r.backend(), basic("x-access-token", password)))
	api := ca.https(gitHub(&key.PublicKey)) + "/api/v3"
	app := func(pairs ...string) map[string]string {
		data := map[string]string{"githubAppID": "12345", "githubAppInstallationID": "678", "githubAppPrivateKey": pkcs1, "githubAppBaseURL": api, "ca.crt": ca.pem()}
		for i := 0; i < len(pairs); i += 2 {
			if data[pairs[i]] = pairs[i+1]; pairs[i+1] == "" {
				delete(data, pairs[i])
			}
		}
		return data
	}
	asApp := func(s *sourcev1.GitRepositorySpec) { s.Provider = sourcev1.GitProviderGitHub }
	for name, data := range map[string]map[string]string{
		"installation":        app(),
		"PKCS 8":              app("githubAppPrivateKey", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))),
		"base URL with slash": app("githubAppBaseURL", api+"/"),
		"organization":        app("githubAppInstallationID", "", "githubAppInstallationOwner", "tazlab"),
		"person":              app("githubAppInstallationID", "", "githubAppInstallationOwner", "taz"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, gitSource(git+"/tree.git", login, asApp), secrets{"login": data}); !slices.Equal(files, []string{"f=last"}) {
				t.Errorf("files %q", files)
			}
		})
	}
	for name, test := range map[string]struct {
		data    map[string]string
		blocked bool
		want    string
	}{
		"another App's key":     {app("githubAppPrivateKey", otherKey), true, "check githubAppID and githubAppPrivateKey"},
		"another App":           {app("githubAppID", "1"), true, "check githubAppID and githubAppPrivateKey"},
		"suspended":             {app("githubAppInstallationID", "403"), true, "This installation has been suspended"},
		"no such installation":  {app("githubAppInstallationID", "404"), true, "check githubAppInstallationID"},
		"no such owner":         {app("githubAppInstallationID", "", "githubAppInstallationOwner", "nope"), true, "looking for the installation of nope"},
		"server error":          {app("githubAppInstallationID", "502"), false, "502 Bad Gateway: (the server is in trouble"},
		"limited":               {app("githubAppInstallationID", "429"), false, "seed comes back by itself after the 1m0s that it asks for"},
		"limited, no time":      {app("githubAppInstallationID", "430"), false, "seed comes back by itself; if this stays"},
		"no JSON":               {app("githubAppInstallationID", "200"), false, "the answer is no JSON"},
		"redirect":              {app("githubAppInstallationID", "307"), false, "set githubAppBaseURL to the address that answers"},
		"no key":                {app("githubAppPrivateKey", ""), true, "githubAppPrivateKey"},
		"broken key":            {app("githubAppPrivateKey", password), true, "githubAppPrivateKey is no PEM"},
		"no RSA key":            {app("githubAppPrivateKey", identity(t, newEd25519(t), "")), true, "githubAppPrivateKey holds no RSA key"},
		"neither":               {app("githubAppInstallationID", ""), true, "exactly one of 'githubAppInstallationOwner' or 'githubAppInstallationID'"},
		"App as a word":         {app("githubAppID", "seed"), true, "githubAppID is no number"},
		"installation's a word": {app("githubAppInstallationID", "home"), true, "githubAppInstallationID is no number"},
		"no URL":                {app("githubAppBaseURL", "github.test"), true, "githubAppBaseURL is no URL"},
		"unknown authority":     {app("ca.crt", newAuthority(t).pem()), false, "put that CA's certificate into ca.crt"},
		"a token alone":         {map[string]string{"username": "git", "password": password}, true, "githubAppID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, gitSource(git+"/tree.git", login, asApp), secrets{"login": test.data}, test.blocked, test.want)
		})
	}
	t.Run("no Secret", func(t *testing.T) {
		t.Parallel()
		fails(t, gitSource(git+"/tree.git", asApp), nil, true, "spec.secretRef is not set: spec.provider github needs the data of a GitHub App")
	})
}
