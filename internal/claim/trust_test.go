package claim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/claim"
)

// tlsVault serves the vault with a certificate of the test server's own authority.
func tlsVault(t *testing.T) (server *httptest.Server, ca string) {
	t.Helper()
	server = httptest.NewUnstartedServer(gitVault())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // some clients here do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

func TestClaimTrustsTheStoresAuthority(t *testing.T) {
	t.Parallel()
	server, ca := tlsVault(t)
	at := metav1.ObjectMeta{Namespace: "pki", Name: "vault-ca"}
	inConfigMap := &corev1.ConfigMap{ObjectMeta: at, Data: map[string]string{"ca.crt": ca, "empty": "", "text": "no certificate"}}
	inSecret := &corev1.Secret{ObjectMeta: at, Data: map[string][]byte{"ca.crt": []byte(ca)}}
	bundle := func(data string) string {
		return "caBundle: " + base64.StdEncoding.EncodeToString([]byte(data))
	}
	const provider = "caProvider: {type: ConfigMap, name: vault-ca, namespace: pki, key: ca.crt}"
	for name, test := range map[string]struct {
		trust  string
		object client.Object
		want   []string // of the error; none where there is none
	}{
		"caBundle":            {bundle(ca), nil, nil},
		"caBundle, twice":     {bundle(base64.StdEncoding.EncodeToString([]byte(ca))), nil, nil},
		"ConfigMap":           {provider, inConfigMap, nil},
		"Secret":              {strings.Replace(provider, "ConfigMap", "Secret", 1), inSecret, nil},
		"ConfigMap not there": {provider, inSecret, []string{"caProvider: reading ConfigMap pki/vault-ca", "not found", "use caBundle"}},
		"Secret not there":    {strings.Replace(provider, "ConfigMap", "Secret", 1), inConfigMap, []string{"reading Secret pki/vault-ca", "not found"}},
		"no such key":         {strings.Replace(provider, "ca.crt", "tls.crt", 1), inConfigMap, []string{`has no key "tls.crt"`}},
		"empty key":           {strings.Replace(provider, "ca.crt", "empty", 1), inConfigMap, []string{`has no key "empty"`}},
		"no certificate":      {strings.Replace(provider, "ca.crt", "text", 1), inConfigMap, []string{`key "text" of ConfigMap pki/vault-ca: no PEM certificate`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := []client.Object{identity()}
			if test.object != nil {
				objects = append(objects, test.object)
			}
			claimer := claim.New(fake.NewClientBuilder().WithObjects(objects...).Build(), claim.HTTPClient(nil))
			store := strings.Replace(gitStore, host, server.URL, 1) + ", " + test.trust
			_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, store))
			if test.want != nil {
				expectError(t, err, true, test.want...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// What the store adds is trusted beside what seed itself was given.
func TestClaimKeepsItsOwnAuthorities(t *testing.T) {
	t.Parallel()
	server, ca := tlsVault(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca))
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), claim.HTTPClient(roots))
	store := strings.Replace(gitStore, host, server.URL, 1) + ", caBundle: " + base64.StdEncoding.EncodeToString(foreignCA(t))
	if _, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, store)); err != nil {
		t.Error(err)
	}
}

func TestClaimNamesAnUnknownAuthority(t *testing.T) {
	t.Parallel()
	server, _ := tlsVault(t)
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), claim.HTTPClient(nil))
	_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, strings.Replace(gitStore, host, server.URL, 1)))
	expectError(t, err, false, "logging in", "x509", "caBundle or caProvider")
}

// foreignCA is the certificate of an authority that signed nothing, in PEM.
func foreignCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
