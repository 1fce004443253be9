package pki

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Names of the certificates that Cluster issues; each but APIServer and Kubelet is for a client only.
const (
	APIServer         = "apiserver"
	APIServerKubelet  = "apiserver-kubelet-client"
	Admin             = "admin"
	ControllerManager = "controller-manager"
	Scheduler         = "scheduler"
	Kubelet           = "kubelet"
	KubeProxy         = "kube-proxy"
)

// FrontProxy is the name with which the API server presents itself to aggregated API servers, by a CA of its own.
const FrontProxy = "front-proxy-client"

// ClusterOptions are the facts about the node that its certificates carry.
type ClusterOptions struct {
	NodeName  string
	NodeIP    net.IP
	ServiceIP net.IP   // the Service address of the API server
	Domain    string   // the cluster's DNS domain
	Names     []string // further names of the API server
}

// Cluster issues every certificate of a control-plane node, by name. The API server's names are those that Talos gives it:
// kubernetes[.default[.svc[.DOMAIN]]], localhost, the endpoint and the node's addresses.
func Cluster(ca *CA, o ClusterOptions) (map[string]Pair, error) {
	loopback := net.IPv4(127, 0, 0, 1)
	svc := "kubernetes.default.svc"
	names := append([]string{"localhost", "kubernetes", "kubernetes.default", svc, svc + "." + o.Domain, o.NodeName}, o.Names...)
	requests := map[string]Request{
		APIServer:         {CommonName: "kube-apiserver", DNSNames: names, IPs: []net.IP{loopback, o.ServiceIP, o.NodeIP}, Server: true},
		APIServerKubelet:  {CommonName: "apiserver-kubelet-client", Organizations: []string{"system:masters"}, Client: true},
		Admin:             {CommonName: "admin", Organizations: []string{"system:masters"}, Client: true},
		ControllerManager: {CommonName: "system:kube-controller-manager", Client: true},
		Scheduler:         {CommonName: "system:kube-scheduler", Client: true},
		KubeProxy:         {CommonName: "system:kube-proxy", Client: true},
		Kubelet: {
			CommonName: "system:node:" + o.NodeName, Organizations: []string{"system:nodes"}, DNSNames: []string{o.NodeName},
			IPs: []net.IP{loopback, o.NodeIP}, Server: true, Client: true,
		},
	}
	pairs := make(map[string]Pair, len(requests))
	for name, request := range requests {
		pair, err := ca.Issue(request)
		if err != nil {
			return nil, err
		}
		pairs[name] = pair
	}
	return pairs, nil
}

// ServiceAccountKey makes the key that signs ServiceAccount tokens: RSA 4096, as Talos makes it, the private part as PKCS#1
// ("RSA PRIVATE KEY") in Key, the public part as PKIX ("PUBLIC KEY") in Cert. It takes a second or more.
func ServiceAccountKey() (Pair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		return Pair{}, fmt.Errorf("make the service-account key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return Pair{}, fmt.Errorf("encode the service-account key: %w", err)
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
	}, nil
}

// Kubeconfig renders a kubeconfig with the certificates inside.
func Kubeconfig(server string, caCert []byte, user string, client Pair) ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["castle"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: caCert}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key}
	name := user + "@castle"
	config.Contexts[name] = &clientcmdapi.Context{Cluster: "castle", AuthInfo: user}
	config.CurrentContext = name
	out, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("render the kubeconfig of %q: %w", user, err)
	}
	return out, nil
}
