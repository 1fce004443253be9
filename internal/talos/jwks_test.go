package talos_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/talos"
)

// secretsBundle has the shape of what "talosctl gen secrets" of v1.13.0 writes, with values of the same form.
func secretsBundle(serviceAccountKey string) string {
	return `cluster:
    id: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    secret: ` + base64.StdEncoding.EncodeToString([]byte(rand.Text())) + `
secrets:
    bootstraptoken: abcdef.0123456789abcdef
    secretboxencryptionsecret: ` + base64.StdEncoding.EncodeToString([]byte(rand.Text())) + `
trustdinfo:
    token: fedcba.fedcba9876543210
certs:
    etcd:
        crt: LS0tLS1CRUdJTg==
        key: LS0tLS1CRUdJTg==
    k8s:
        crt: LS0tLS1CRUdJTg==
        key: LS0tLS1CRUdJTg==
    k8saggregator:
        crt: LS0tLS1CRUdJTg==
        key: LS0tLS1CRUdJTg==
    k8sserviceaccount:
        key: ` + serviceAccountKey + `
    os:
        crt: LS0tLS1CRUdJTg==
        key: LS0tLS1CRUdJTg==
`
}

// encoded is a private key as it is in the bundle.
func encoded(kind string, der []byte) string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

const endpoint = "https://10.0.0.1:6443"

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecKey(t *testing.T, curve elliptic.Curve) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// RSA is what Talos makes from v1.7 on, ECDSA what it made before.
func TestRegister(t *testing.T) {
	t.Parallel()
	ofRSA := rsaKey(t)
	ofEC, sec1 := ecKey(t, elliptic.P256())
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ofRSA)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		bundle, algorithm string
		key               crypto.Signer
	}{
		"RSA":    {secretsBundle(encoded("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(ofRSA))), "RS256", ofRSA},
		"EC":     {secretsBundle(encoded("EC PRIVATE KEY", sec1)), "ES256", ofEC},
		"PKCS 8": {secretsBundle(encoded("PRIVATE KEY", pkcs8)), "RS256", ofRSA},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := talos.Register([]byte(test.bundle), endpoint)
			if err != nil {
				t.Fatal(err)
			}
			if r.Issuer != endpoint || r.Subject != "system:serviceaccount:seed-system:seed" || r.Algorithm != test.algorithm {
				t.Errorf("issuer %q, subject %q, algorithm %q", r.Issuer, r.Subject, r.Algorithm)
			}
			block, rest := pem.Decode([]byte(r.PublicKey))
			if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
				t.Fatalf("the public key is %q", r.PublicKey)
			}
			public, err := x509.ParsePKIXPublicKey(block.Bytes)
			if own, ok := test.key.Public().(interface{ Equal(crypto.PublicKey) bool }); err != nil || !ok || !own.Equal(public) {
				t.Errorf("the public key is another one: %v", err)
			}
			sum := sha256.Sum256(block.Bytes)
			if r.KeyID != strings.TrimRight(base64.URLEncoding.EncodeToString(sum[:]), "=") {
				t.Errorf("kid %q", r.KeyID)
			}
			wantJWKS(t, r, test.key.Public())
		})
	}
}

func wantJWKS(t *testing.T, r *talos.Registration, key crypto.PublicKey) {
	t.Helper()
	out, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(out, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("JWKS: %v\n%s", err, out)
	}
	jwk := set.Keys[0]
	number := func(name string) *big.Int {
		data, err := base64.RawURLEncoding.DecodeString(jwk[name])
		if err != nil || len(data) == 0 {
			t.Errorf("%s is %q: %v", name, jwk[name], err)
		}
		return new(big.Int).SetBytes(data)
	}
	same := false
	members := 6
	switch k := key.(type) {
	case *rsa.PublicKey:
		same = k.Equal(&rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}) && jwk["kty"] == "RSA"
	case *ecdsa.PublicKey:
		members = 7
		point := append([]byte{4}, append(number("x").FillBytes(make([]byte, 32)), number("y").FillBytes(make([]byte, 32))...)...)
		parsed, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		same = err == nil && k.Equal(parsed) && jwk["kty"] == "EC" && jwk["crv"] == "P-256" && len(jwk["x"]) == 43 && len(jwk["y"]) == 43
	}
	if !same || jwk["kid"] != r.KeyID || jwk["alg"] != r.Algorithm || jwk["use"] != "sig" || len(jwk) != members { // no private member
		t.Errorf("JWKS of another key: %s", out)
	}
}

func TestRegisterErrors(t *testing.T) {
	t.Parallel()
	good := encoded("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey(t)))
	whole, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(whole)
	_, p384 := ecKey(t, elliptic.P384())
	for name, test := range map[string]struct{ bundle, endpoint, want string }{
		"no scheme":       {secretsBundle(good), "10.0.0.1:6443", "an https URL"},
		"http":            {secretsBundle(good), "http://10.0.0.1:6443", "an https URL"},
		"no host":         {secretsBundle(good), "https://:6443", "with a host"},
		"a slash":         {secretsBundle(good), endpoint + "/", "not even a / at its end), query and fragment: https://10.0.0.1:6443"},
		"query":           {secretsBundle(good), endpoint + "?", "without user, path"},
		"fragment":        {secretsBundle(good), endpoint + "#x", "without user, path"},
		"user":            {secretsBundle(good), "https://me:hunter22@h:6443", "without user, path"},
		"control":         {secretsBundle(good), "https://me:hunter22@h:6443\n", "an https URL"},
		"capitals":        {secretsBundle(good), "HTTPS://10.0.0.1:6443", "each byte counts: https://10.0.0.1:6443"},
		"empty":           {"", endpoint, "it has no certs.k8sserviceaccount.key"},
		"no YAML":         {good + ": [", endpoint, "not the YAML"},
		"other type":      {"certs: " + good, endpoint, "not the YAML"},
		"machine config":  {"cluster: {serviceAccount: {key: " + good + "}}", endpoint, "is no machine config"},
		"encrypted":       {secretsBundle("'ENC[AES256_GCM,data:" + good + "]'"), endpoint, "decrypt it first"},
		"no PEM":          {secretsBundle(base64.StdEncoding.EncodeToString(block.Bytes)), endpoint, "holds no PEM"},
		"a certificate":   {secretsBundle(encoded("CERTIFICATE", block.Bytes)), endpoint, "no unencrypted private key"},
		"cut":             {secretsBundle(encoded("RSA PRIVATE KEY", block.Bytes[:600])), endpoint, "is the file whole?"},
		"another curve":   {secretsBundle(encoded("EC PRIVATE KEY", p384)), endpoint, "neither RSA nor ECDSA on P-256"},
		"mislabelled key": {secretsBundle(encoded("EC PRIVATE KEY", block.Bytes)), endpoint, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := talos.Register([]byte(test.bundle), test.endpoint)
			if err == nil || r != nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Register: %v, want %q", err, test.want)
			}
			private := base64.StdEncoding.EncodeToString(block.Bytes)
			for _, hidden := range []string{"hunter22", good[60:80], private[60:80]} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}
