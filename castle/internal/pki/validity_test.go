package pki

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"
	"time"
)

// A client that knows the CA refuses a certificate for its time alone.
func TestBadTimes(t *testing.T) {
	ca, now := newCA(t, "castle"), time.Now()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Cert)
	for name, test := range map[string]struct {
		request Request
		good    bool
	}{
		"default":  {Request{}, true},
		"expired":  {Request{NotAfter: now.Add(-time.Minute)}, false},
		"too soon": {Request{NotBefore: now.Add(time.Hour)}, false},
	} {
		test.request.DNSNames, test.request.Server = []string{"vault.example"}, true
		pair, err := ca.Issue(test.request)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(pair.Cert)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: "vault.example"})
		invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
		if test.good != (err == nil) || isInvalid && invalid.Reason != x509.Expired {
			t.Errorf("%s: %v", name, err)
		}
	}
}
