package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/failure"
)

// authority makes a certificate of one, as PEM.
func authority(t *testing.T) (certificate []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: t.Name()}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// counts tells whether an authority is in the pool.
func counts(t *testing.T, pool *x509.CertPool, certificate []byte) bool {
	t.Helper()
	block, _ := pem.Decode(certificate)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parsed.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

// The system's authorities count where it has any, the public ones where it has none, and the user's beside either.
func TestRoots(t *testing.T) {
	t.Parallel()
	mine, systems := authority(t), authority(t)
	public, err := roots(x509.NewCertPool(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(public.Subjects()); n < 100 { //nolint:staticcheck // it is no pool of the system
		t.Errorf("%d public authorities", n)
	}
	pool, err := roots(x509.NewCertPool(), mine)
	if err != nil || !counts(t, pool, mine) || counts(t, public, mine) || len(pool.Subjects()) != len(public.Subjects())+1 { //nolint:staticcheck // as above
		t.Errorf("without a system: %v", err)
	}
	system := x509.NewCertPool()
	system.AppendCertsFromPEM(systems)
	pool, err = roots(system, mine)
	if err != nil || !counts(t, pool, mine) || !counts(t, pool, systems) || len(pool.Subjects()) != 2 { //nolint:staticcheck // as above
		t.Errorf("with a system: %v", err)
	}
	if _, err := roots(x509.NewCertPool(), []byte("no PEM")); !failure.IsInvalid(err) || !strings.Contains(err.Error(), "--ca-file") {
		t.Errorf("error %v, want that of an invalid bundle", err)
	}
}
