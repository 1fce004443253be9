package talos

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// signerOf reads a key in each form in which Talos has written it.
func signerOf(t *testing.T, text []byte) crypto.Signer {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("the bundle's key is not PEM")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return key
	case "EC PRIVATE KEY":
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	t.Fatalf("the bundle's key is of the type %s", block.Type)
	return nil
}

func algorithm(key crypto.Signer) jose.SignatureAlgorithm {
	if _, elliptic := key.(*ecdsa.PrivateKey); elliptic {
		return jose.ES256
	}
	return jose.RS256
}

// another is the key set of the neighbouring contract's bundle, under the same name.
func another(t *testing.T, c contract) jose.JSONWebKeySet {
	t.Helper()
	other := contracts[0]
	if other.name == c.name {
		other = contracts[1]
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(other.jwks(t, "jwks")), &set); err != nil {
		t.Fatal(err)
	}
	_, kid := c.public(t)
	set.Keys[0].KeyID = kid
	return set
}
