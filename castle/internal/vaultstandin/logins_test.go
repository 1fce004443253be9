package vaultstandin_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

const (
	identityID = "4f2c1c9e-9d5b-4b43-9d4e-0c7f0a0f7a11"
	issuer     = "https://cluster.example:6443"
	subject    = "system:serviceaccount:seed-system:seed"
	static     = "static-token"
)

// newKey makes a service-account key and its public part.
func newKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// claims are those of a Kubernetes token that is good for ten minutes, with changes.
func (v *vault) claims(change jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": issuer, "sub": subject, "aud": []string{"vault.example"},
		"nbf": v.clock().Unix(), "exp": v.clock().Add(10 * time.Minute).Unix(),
	}
	for name, value := range change {
		c[name] = value
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

func sign(t *testing.T, key any, method jwt.SigningMethod, claims jwt.MapClaims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// loginWith logs in with an identity ID and a JWT.
func (v *vault) loginWith(method, id, text string) (int, map[string]any) {
	v.t.Helper()
	return v.do("POST", "/api/v1/auth/"+method+"/login", "", `{"identityId":"`+id+`","jwt":"`+text+`"}`)
}

func TestJWTAuth(t *testing.T) {
	key, public := newKey(t)
	stranger, _ := newKey(t)
	bound := vaultstandin.JWTAuth{PublicKeys: []string{public}, BoundIssuer: issuer, BoundSubject: subject}
	glob, audience, two := bound, bound, bound
	glob.BoundSubject = "system:serviceaccount:seed-*:seed"
	audience.BoundAudiences = "other, vault.example"
	_, another := newKey(t)
	two.PublicKeys = []string{another, public}
	for name, test := range map[string]struct {
		auth    vaultstandin.JWTAuth
		claims  jwt.MapClaims
		key     any
		method  jwt.SigningMethod
		status  int
		message string
	}{
		"good":             {auth: bound, status: 200},
		"second key":       {auth: two, status: 200},
		"any of a pattern": {auth: glob, status: 200},
		"nothing is bound": {auth: vaultstandin.JWTAuth{PublicKeys: []string{public}}, claims: jwt.MapClaims{"iss": nil, "sub": nil, "aud": nil}, status: 200},
		"of a stranger":    {auth: bound, key: stranger, status: 401, message: "Access denied: JWT verification failed with all keys. Errors - invalid signature"},
		"of two strangers": {auth: two, key: stranger, status: 401, message: "Access denied: JWT verification failed with all keys. Errors - invalid signature; invalid signature"},
		"public key as password": {
			auth: bound, key: []byte(public), method: jwt.SigningMethodHS256, status: 401,
			message: "Access denied: JWT verification failed with all keys. Errors - invalid signature",
		},
		"expired":             {auth: bound, claims: jwt.MapClaims{"exp": 1}, status: 401, message: "Access denied: JWT verification failed with all keys. Errors - jwt expired"},
		"of the future":       {auth: bound, claims: jwt.MapClaims{"nbf": int64(1) << 40, "exp": int64(1) << 41}, status: 401, message: "Access denied: JWT verification failed with all keys. Errors - jwt not active"},
		"other issuer":        {auth: bound, claims: jwt.MapClaims{"iss": issuer + "/"}, status: 403, message: "Access denied: issuer mismatch"},
		"no subject":          {auth: bound, claims: jwt.MapClaims{"sub": nil}, status: 401, message: "Access denied: token has no subject field"},
		"other subject":       {auth: bound, claims: jwt.MapClaims{"sub": subject + "2"}, status: 403, message: "Access denied: subject not allowed"},
		"no audience":         {auth: audience, claims: jwt.MapClaims{"aud": nil}, status: 401, message: "Access denied: token has no audience field"},
		"one audience":        {auth: audience, claims: jwt.MapClaims{"aud": "vault.example"}, status: 200},
		"one wrong audience":  {auth: audience, claims: jwt.MapClaims{"aud": "elsewhere"}, status: 401, message: "Access denied: token audience not allowed"},
		"a list of audiences": {auth: audience, status: 500, message: "Something went wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t, func(id *vaultstandin.Identity) { id.ID, id.JWT = identityID, &test.auth })
			if test.key == nil {
				test.key = key
			}
			if test.method == nil {
				test.method = jwt.SigningMethodRS256
			}
			status, body := v.loginWith("jwt-auth", identityID, sign(t, test.key, test.method, v.claims(test.claims)))
			if test.status == 200 {
				token, _ := body["accessToken"].(string)
				if status, secret := v.secret(token, "ROOT", ""); status != 200 || secret["secretValue"] != "top" {
					t.Errorf("reading after the login: %d %v", status, secret)
				}
				return
			}
			names := map[int]string{401: "UnauthorizedError", 403: "ForbiddenError", 500: "InternalServerError"}
			wantError(t, status, body, test.status, names[test.status], test.message)
		})
	}
}

func TestJWTAuthWithoutOne(t *testing.T) {
	v := newVault(t, nil)
	for _, id := range []string{identityID, ""} {
		status, body := v.loginWith("jwt-auth", id, "x")
		wantError(t, status, body, 404, "NotFound", "JWT auth method not found for identity, did you configure JWT auth?")
	}
	_, public := newKey(t)
	v = newVault(t, func(id *vaultstandin.Identity) {
		id.ID, id.JWT = identityID, &vaultstandin.JWTAuth{PublicKeys: []string{public}}
	})
	status, body := v.loginWith("jwt-auth", identityID, "no.jwt")
	wantError(t, status, body, 401, "UnauthorizedError", "Invalid JWT")
	if log := v.log.String(); !strings.Contains(log, `"identity":"seed"`) || strings.Contains(log, "no.jwt") {
		t.Errorf("the log: %s", log)
	}
}

func TestKubernetesAuth(t *testing.T) {
	kubernetes := &vaultstandin.KubernetesAuth{AllowedNamespaces: []string{"seed-*"}, AllowedNames: []string{"seed"}}
	v := newVault(t, func(id *vaultstandin.Identity) { id.ID, id.Kubernetes = identityID, kubernetes })
	status, body := v.loginWith("kubernetes-auth", identityID, "x")
	wantError(t, status, body, 400, "BadRequest", "Kubernetes host is required when token review mode is set to API")

	v = newVaultWith(t, func(o *vaultstandin.Options) {
		o.Identities[0].ID, o.Identities[0].Kubernetes = identityID, kubernetes
		o.TokenReview = func(_ context.Context, jwt string) (string, string, error) {
			namespace, name, found := strings.Cut(jwt, "/")
			if !found {
				return "", "", errors.New("invalid bearer token")
			}
			return namespace, name, nil
		}
	})
	if status, body := v.loginWith("kubernetes-auth", identityID, "seed-system/seed"); status != http.StatusOK || body["tokenType"] != "Bearer" {
		t.Errorf("a good token: %d %v", status, body)
	}
	for jwt, message := range map[string]string{
		"seed-system/else": "Access denied: K8s name not allowed.", "default/seed": "Access denied: K8s namespace not allowed.",
	} {
		status, body := v.loginWith("kubernetes-auth", identityID, jwt)
		wantError(t, status, body, 401, "UnauthorizedError", message)
	}
	status, body = v.loginWith("kubernetes-auth", identityID, "bad")
	wantError(t, status, body, 401, "KubernetesTokenReviewError", "invalid bearer token")
	status, body = v.loginWith("kubernetes-auth", "nobody", "seed-system/seed")
	wantError(t, status, body, 404, "NotFound", "Kubernetes auth method not found for identity, did you configure Kubernetes auth?")
}

// A token review may take long, and may lead back to the vault.
func TestTokenReviewHoldsNobodyUp(t *testing.T) {
	var v *vault
	v = newVaultWith(t, func(o *vaultstandin.Options) {
		o.Identities[0].ID, o.Identities[0].Kubernetes = identityID, &vaultstandin.KubernetesAuth{}
		o.TokenReview = func(context.Context, string) (string, string, error) {
			v.SetSecret("/", "SEEN", "yes")
			return "n", "n", nil
		}
	})
	if status, body := v.loginWith("kubernetes-auth", identityID, "x"); status != http.StatusOK {
		t.Errorf("%d %v", status, body)
	}
}

func TestTokenAuth(t *testing.T) {
	v := newVault(t, func(id *vaultstandin.Identity) { id.Token, id.TokenTTL = static, time.Hour })
	if status, body := v.secret(static, "ROOT", ""); status != http.StatusOK {
		t.Errorf("with the token: %d %v", status, body)
	}
	v.sleep(time.Hour)
	status, body := v.secret(static, "ROOT", "")
	wantError(t, status, body, 403, "TokenError", "Your token has expired. Please re-authenticate.")

	// Who logs out with it has taken it from everybody.
	v = newVault(t, func(id *vaultstandin.Identity) { id.Token = static })
	if status, body := v.do("POST", "/api/v1/auth/token/revoke", static, `{"accessToken":"`+static+`"}`); status != http.StatusOK {
		t.Errorf("revoke: %d %v", status, body)
	}
	status, body = v.secret(static, "ROOT", "")
	wantError(t, status, body, 401, "UnauthorizedError", "You are not allowed to access this resource")

	if err := v.SetIdentity(vaultstandin.Identity{Name: "seed", Token: "next"}); err != nil {
		t.Fatal(err)
	}
	if status, body := v.secret("next", "ROOT", ""); status != http.StatusOK {
		t.Errorf("with the next token: %d %v", status, body)
	}
	status, body = v.secret(static, "ROOT", "")
	wantError(t, status, body, 403, "TokenError", "The provided access token is malformed. Please use a valid token or generate a new one and try again.")
}

func TestFolderAccess(t *testing.T) {
	v := newVault(t, func(id *vaultstandin.Identity) { id.Folders = []string{"/flux/"} })
	token := v.token()
	for query, want := range map[string]int{"HOST" + project + "&secretPath=/flux": 200, "TOKEN" + project + "&secretPath=/flux/git": 200, "PING" + project + "&secretPath=/fluxless/one": 403, "ROOT" + project: 403} {
		if status, body := v.do("GET", "/api/v3/secrets/raw/"+query, token, ""); status != want {
			t.Errorf("%s: %d %v", query, status, body)
		}
	}
	status, body := v.do("GET", "/api/v3/secrets/raw"+project+"&secretPath=/fluxless", token, "")
	wantError(t, status, body, 403, "PermissionDenied", "You are not allowed to describeSecret on secrets")
}

func TestImports(t *testing.T) {
	v := newVault(t, func(id *vaultstandin.Identity) { id.Folders = []string{"/a", "/b", "/c", "/flux/git"} })
	for folder, values := range map[string]map[string]string{"/a": {"OWN": "a"}, "/b": {"OWN": "b", "BOTH": "b", "B": "b"}, "/c": {"BOTH": "c", "C": "${OWN}", "OWN": "c"}} {
		for key, value := range values {
			v.SetSecret(folder, key, value)
		}
	}
	v.Import("/a", "/b")
	v.Import("/a", "/c")
	v.Import("/a", "/fluxless/one") // not allowed: not shown
	v.Import("/b", "/a")            // a circle
	v.Import("/b", "/flux/git")
	token := v.token()

	_, body := v.do("GET", "/api/v3/secrets/raw"+project+"&secretPath=/a&include_imports=true&expandSecretReferences=true", token, "")
	var got []string
	for _, block := range body["imports"].([]any) {
		block := block.(map[string]any)
		for _, secret := range block["secrets"].([]any) {
			got = append(got, block["secretPath"].(string)+" "+secret.(map[string]any)["secretKey"].(string))
		}
	}
	want := []string{"/b B", "/b BOTH", "/b OWN", "/b LOOP", "/b TOKEN", "/b URL", "/c BOTH", "/c C", "/c OWN"}
	if !slices.Equal(got, want) || len(body["secrets"].([]any)) != 1 {
		t.Errorf("imports %q, want %q; secrets %v", got, want, body["secrets"])
	}
	for key, want := range map[string]string{"OWN": "a", "BOTH": "c", "B": "b", "C": "c", "TOKEN": tokenValue} {
		if status, secret := v.secret(token, key, "&secretPath=/a&include_imports=true&expandSecretReferences=true"); status != 200 || secret["secretValue"] != want {
			t.Errorf("%s: %d %v, want %q", key, status, secret, want)
		}
	}
	status, body := v.secret(token, "B", "&secretPath=/a")
	wantError(t, status, body, 404, "NotFound", "Secret with name 'B' not found")
}
