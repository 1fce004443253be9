// Package pki makes the certificates, keys and kubeconfigs of a castle: a cluster CA and, independent of it, the castle's own.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// lifetime of every certificate: a castle does not live long enough to renew one.
const lifetime = 365 * 24 * time.Hour

// Pair is a certificate and its private key, both PEM. It prints without the key.
type Pair struct {
	Cert []byte
	Key  []byte
}

// String hides the key from logs.
func (Pair) String() string { return "[redacted]" }

// GoString hides the key from %#v.
func (Pair) GoString() string { return "[redacted]" }

// CA signs certificates.
type CA struct {
	Pair
	cert *x509.Certificate
	key  crypto.Signer
}

// Request says what a certificate is for.
type Request struct {
	CommonName    string
	Organizations []string // groups, in Kubernetes' reading of a client certificate
	DNSNames      []string
	IPs           []net.IP
	Server        bool // for serving TLS
	Client        bool // for authenticating at a server
	// NotBefore and NotAfter are for a certificate that is not good yet, or no more; default: from an hour ago, for a
	// peer whose clock is a little behind, for a year.
	NotBefore, NotAfter time.Time
}

// NewCA makes a self-signed ECDSA P-256 authority.
func NewCA(name string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of CA %q: %w", name, err)
	}
	template, err := newTemplate(pkix.Name{CommonName: name})
	if err != nil {
		return nil, fmt.Errorf("make CA %q: %w", name, err)
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign CA %q: %w", name, err)
	}
	pair, err := encode(der, key)
	if err != nil {
		return nil, fmt.Errorf("encode CA %q: %w", name, err)
	}
	return LoadCA(pair)
}

// LoadCA reads an authority back from its PEM pair.
func LoadCA(pair Pair) (*CA, error) {
	certBlock, _ := pem.Decode(pair.Cert)
	keyBlock, _ := pem.Decode(pair.Key)
	if certBlock == nil || keyBlock == nil {
		return nil, errors.New("read CA: certificate or key is not PEM")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read CA certificate: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key of CA %q: %w", cert.Subject.CommonName, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read key of CA %q: a %T cannot sign", cert.Subject.CommonName, key)
	}
	return &CA{Pair: pair, cert: cert, key: signer}, nil
}

// Issue makes a new key and signs a certificate for it.
func (ca *CA) Issue(r Request) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make the key of %q: %w", r.CommonName, err)
	}
	template, err := newTemplate(pkix.Name{CommonName: r.CommonName, Organization: r.Organizations})
	if err != nil {
		return Pair{}, fmt.Errorf("issue certificate %q: %w", r.CommonName, err)
	}
	template.DNSNames, template.IPAddresses = r.DNSNames, r.IPs
	if !r.NotBefore.IsZero() {
		template.NotBefore = r.NotBefore
	}
	if !r.NotAfter.IsZero() {
		template.NotAfter = r.NotAfter
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if r.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if r.Client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return Pair{}, fmt.Errorf("sign certificate %q: %w", r.CommonName, err)
	}
	return encode(der, key)
}

// newTemplate is what all certificates share.
func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime)}, nil
}

func encode(der []byte, key crypto.Signer) (Pair, error) {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}
