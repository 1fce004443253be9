package talos

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.yaml.in/yaml/v4"
)

const subject = "system:serviceaccount:seed-system:seed"

// jwks runs "seed render jwks" on a real bundle, as "talosctl gen secrets" writes it.
func (c contract) jwks(t *testing.T, format string) string {
	t.Helper()
	text, err := yaml.Marshal(c.secrets(t))
	if err != nil {
		t.Fatal(err)
	}
	out, _ := works(t, "render", "jwks", "--talos-secrets", write(t, "secrets.yaml", text), "--endpoint", endpoint, "--format", format)
	return out
}

// public is the key of the bundle as Talos itself derives it, and as what is registered.
func (c contract) public(t *testing.T) (key crypto.PublicKey, kid string) {
	t.Helper()
	pair, err := c.secrets(t).Certs.K8sServiceAccount.GetKey()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pair.GetPublicKeyPEM())
	key, err = x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(block.Bytes)
	return key, base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestTheKeyIsTheBundles(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want, _ := c.public(t)
			printed := c.jwks(t, "pem")
			block, rest := pem.Decode([]byte(printed))
			// Infisical gives the text to a library that knows no other label than this one.
			if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
				t.Fatalf("not one public key: %s", printed)
			}
			got, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(want) {
				t.Errorf("another key than the bundle's: %s", printed)
			}
		})
	}
}

// What is to be registered is in the text and in the JSON.
func TestWhatToRegister(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, kid := c.public(t)
			text, data := c.jwks(t, "text"), c.jwks(t, "json")
			if !json.Valid([]byte(data)) {
				t.Errorf("not JSON: %s", data)
			}
			for _, want := range []string{endpoint, subject, kid} {
				if !strings.Contains(text, want) || !strings.Contains(data, want) {
					t.Errorf("no %s in\n%s\nor not in\n%s", want, text, data)
				}
			}
			for _, line := range c.private(t) {
				if strings.Contains(text+data, line) {
					t.Fatal("the private key is printed")
				}
			}
		})
	}
}

// private are lines of the bundle's key that have nothing of its public half: that comes first in a key of RSA, and last in
// one of ECDSA.
func (c contract) private(t *testing.T) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(string(c.secrets(t).Certs.K8sServiceAccount.Key)) {
		if !strings.HasPrefix(line, "-----") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if _, rsa := signerOf(t, c.secrets(t).Certs.K8sServiceAccount.Key).(*rsa.PrivateKey); rsa {
		return lines[len(lines)/2 : len(lines)-1]
	}
	return lines[:1]
}

// A token as the API server of that cluster signs it is taken by who has only what was printed.
func TestATokenOfThatClusterVerifies(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var set jose.JSONWebKeySet
			if err := json.Unmarshal([]byte(c.jwks(t, "jwks")), &set); err != nil {
				t.Fatal(err)
			}
			public, kid := c.public(t)
			keys := set.Key(kid)
			if len(set.Keys) != 1 || len(keys) != 1 || keys[0].Use != "sig" {
				t.Fatalf("%d keys, and %d with the name %s: %+v", len(set.Keys), len(keys), kid, set.Keys)
			}
			token, err := jwt.ParseSigned(c.token(t, public, kid), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(keys[0].Algorithm)})
			if err != nil {
				t.Fatal(err)
			}
			var claims jwt.Claims
			if err := token.Claims(set, &claims); err != nil {
				t.Fatalf("the signature: %v", err)
			}
			if claims.Issuer != endpoint || claims.Subject != subject {
				t.Errorf("%+v", claims)
			}
			if err := token.Claims(another(t, c), &claims); err == nil {
				t.Error("the key of another bundle takes the token, too")
			}
		})
	}
}

// token is signed with the bundle's private key, with the claims that a projected token has.
func (c contract) token(t *testing.T, public crypto.PublicKey, kid string) string {
	t.Helper()
	signer := signerOf(t, c.secrets(t).Certs.K8sServiceAccount.Key)
	if !signer.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
		t.Fatal("the bundle's key does not belong together")
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm(signer), Key: signer}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	text, err := jwt.Signed(s).Claims(jwt.Claims{
		Issuer: endpoint, Subject: subject, Audience: jwt.Audience{"app.infisical.com"},
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(10 * time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
