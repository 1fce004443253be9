package pki

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var options = ClusterOptions{
	NodeName: "castle", NodeIP: net.IPv4(10, 99, 0, 1), ServiceIP: net.IPv4(10, 96, 0, 1), Domain: "cluster.local", Names: []string{"endpoint.example"},
}

func newCA(t *testing.T, name string) *CA {
	t.Helper()
	ca, err := NewCA(name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func cluster(t *testing.T, ca *CA) map[string]Pair {
	t.Helper()
	pairs, err := Cluster(ca, options)
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

// serve starts a TLS server with the API server's certificate that answers with the client's name and groups.
func serve(t *testing.T, ca *CA, pair Pair) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		fmt.Fprintf(w, "%s %s", subject.CommonName, strings.Join(subject.Organization, ","))
	}))
	cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Cert)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, kubeconfig []byte, url string) (string, error) {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body := new(strings.Builder)
	if err := response.Write(body); err != nil {
		t.Fatal(err)
	}
	return body.String(), nil
}

func TestKubeconfigAuthenticatesAtTheAPIServersCertificate(t *testing.T) {
	ca := newCA(t, "cluster")
	pairs := cluster(t, ca)
	server := serve(t, ca, pairs[APIServer])
	for name, want := range map[string]string{
		Admin: "admin system:masters", Kubelet: "system:node:castle system:nodes", Scheduler: "system:kube-scheduler ",
		ControllerManager: "system:kube-controller-manager ", KubeProxy: "system:kube-proxy ", APIServerKubelet: "apiserver-kubelet-client system:masters",
	} {
		kubeconfig, err := Kubeconfig(server.URL, ca.Cert, name, pairs[name])
		if err != nil {
			t.Fatal(err)
		}
		got, err := get(t, kubeconfig, server.URL)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !strings.HasSuffix(got, want) {
			t.Errorf("%s: answer %q, want it to end in %q", name, got, want)
		}
	}
}

func TestAnotherCAIsNotTrusted(t *testing.T) {
	ca, other := newCA(t, "cluster"), newCA(t, "castle")
	pairs := cluster(t, ca)
	server := serve(t, ca, pairs[APIServer])
	strangers := cluster(t, other)
	kubeconfig, err := Kubeconfig(server.URL, ca.Cert, Admin, strangers[Admin])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, kubeconfig, server.URL); err == nil {
		t.Error("a client certificate of another CA was accepted")
	}
	kubeconfig, err = Kubeconfig(server.URL, other.Cert, Admin, pairs[Admin])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, kubeconfig, server.URL); err == nil {
		t.Error("a server certificate of another CA was accepted")
	}
}

func TestAPIServerNames(t *testing.T) {
	block, _ := pem.Decode(cluster(t, newCA(t, "cluster"))[APIServer].Cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"localhost", "127.0.0.1", "10.96.0.1", "10.99.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local", "castle", "endpoint.example",
	} {
		if err := cert.VerifyHostname(name); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestLoadedCAStillSigns(t *testing.T) {
	made := newCA(t, "castle")
	loaded, err := LoadCA(made.Pair)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := loaded.Issue(Request{CommonName: "vault", DNSNames: []string{"vault.castle.internal"}, Server: true})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pair.Cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(made.Cert)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: "vault.castle.internal"}); err != nil {
		t.Error(err)
	}
}

func TestServiceAccountKey(t *testing.T) {
	pair, err := ServiceAccountKey()
	if err != nil {
		t.Fatal(err)
	}
	private, _ := pem.Decode(pair.Key)
	public, _ := pem.Decode(pair.Cert)
	if private.Type != "RSA PRIVATE KEY" || public.Type != "PUBLIC KEY" {
		t.Fatalf("PEM types %q and %q", private.Type, public.Type)
	}
	key, err := x509.ParsePKCS1PrivateKey(private.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKIXPublicKey(public.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if rsaKey, ok := parsed.(*rsa.PublicKey); !ok || !key.PublicKey.Equal(rsaKey) || key.N.BitLen() != 4096 {
		t.Error("the public part is not that of the private part, or not 4096 bits")
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	ca := newCA(t, "castle")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(format, ca.Pair); strings.Contains(out, "KEY") || len(out) > 20 {
			t.Errorf("%s prints %q", format, out)
		}
	}
}
