package talos

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"

	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/set"
)

// Registration is what a vault must know of a cluster to tell seed's tokens from all others. It holds nothing secret.
type Registration struct {
	// Issuer is the claim iss: the cluster's endpoint, as Talos has it.
	Issuer string `json:"issuer"`
	// Subject is the claim sub: seed's ServiceAccount.
	Subject string `json:"subject"`
	// PublicKey is the PEM, of type PUBLIC KEY, of the key that signs the tokens.
	PublicKey string `json:"publicKey"`
	// KeyID is the tokens' kid.
	KeyID string `json:"kid"`
	// Algorithm is the tokens' alg, RS256 or ES256.
	Algorithm string `json:"algorithm"`

	key crypto.PublicKey
}

// Register derives from Talos' secrets bundle, as "talosctl gen secrets" writes it, and the cluster's endpoint what the
// tokens of seed's ServiceAccount will look like, before there is a cluster. No error shows anything of the bundle.
func Register(secretsBundle []byte, endpoint string) (*Registration, error) {
	if err := checkEndpoint(endpoint); err != nil {
		return nil, err
	}
	key, err := serviceAccountKey(secretsBundle)
	if err != nil {
		return nil, fmt.Errorf("reading Talos' secrets bundle: %w", err)
	}
	algorithm, err := algorithmOf(key)
	if err != nil {
		return nil, fmt.Errorf("reading Talos' secrets bundle: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the public key: %w", err)
	}
	// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/serviceaccount/jwt.go, keyIDFromPublicKey
	sum := sha256.Sum256(der)
	return &Registration{
		Issuer:    endpoint,
		Subject:   "system:serviceaccount:" + set.Namespace + ":" + set.ServiceAccount,
		PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		KeyID:     base64.RawURLEncoding.EncodeToString(sum[:]),
		Algorithm: algorithm,
		key:       key,
	}, nil
}

// checkEndpoint takes what Talos takes as cluster.controlPlane.endpoint. It is compared byte for byte later, so nothing
// is mended here.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "":
		return errors.New("the endpoint must be an https URL with a host, as in cluster.controlPlane.endpoint, for example https://10.0.0.1:6443")
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("the endpoint must be a URL without user, path (not even a / at its end), query and fragment: %s://%s", u.Scheme, u.Host)
	case u.String() != endpoint:
		return fmt.Errorf("the endpoint must be spelt as Talos spells it, since each byte counts: %s", u)
	}
	return nil
}

// serviceAccountKey is the public half of the key with which the bundle's cluster signs service-account tokens. The
// decoders' own errors are not shown: they may quote what they read.
func serviceAccountKey(secretsBundle []byte) (crypto.PublicKey, error) {
	const where = "certs.k8sserviceaccount.key"
	var bundle struct {
		Certs struct {
			ServiceAccount struct {
				Key string `json:"key"`
			} `json:"k8sserviceaccount"`
		} `json:"certs"`
	}
	if yaml.Unmarshal(secretsBundle, &bundle) != nil {
		return nil, errors.New("it is not the YAML that \"talosctl gen secrets\" writes")
	}
	if bundle.Certs.ServiceAccount.Key == "" {
		return nil, fmt.Errorf("it has no %s: give the file that \"talosctl gen secrets\" writes, which is no machine config", where)
	}
	text, err := base64.StdEncoding.DecodeString(bundle.Certs.ServiceAccount.Key)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64: if the file is encrypted, decrypt it first", where)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", where)
	}
	private, err := parsePrivateKey(block)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return private.Public(), nil
}

// parsePrivateKey parses a key as Talos writes it (PKCS #1 for RSA, SEC 1 for ECDSA), or as PKCS #8.
func parsePrivateKey(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, errors.New("the PEM in it is no unencrypted private key")
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("the private key in it cannot be read: is the file whole?")
	}
	return signer, nil
}

// algorithmOf is how the API server signs with the key.
func algorithmOf(key crypto.PublicKey) (string, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return "RS256", nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return "ES256", nil
		}
	}
	return "", errors.New("the service-account key is neither RSA nor ECDSA on P-256, which are the kinds that Talos makes")
}

// JWKS is the key as a JSON Web Key Set (https://www.rfc-editor.org/rfc/rfc7517), as the API server publishes it.
func (r *Registration) JWKS() ([]byte, error) {
	encode := base64.RawURLEncoding.EncodeToString
	jwk := map[string]string{"use": "sig", "kid": r.KeyID, "alg": r.Algorithm}
	switch k := r.key.(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(k.N.Bytes()), encode(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y; both of the same length
		if err != nil {
			return nil, fmt.Errorf("encoding the public key: %w", err)
		}
		half := (len(point) - 1) / 2
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", encode(point[1:1+half]), encode(point[1+half:])
	}
	return json.MarshalIndent(map[string]any{"keys": []any{jwk}}, "", "  ")
}
