// Package kube follows objects of the Kubernetes API: GET, decide, WATCH from there, with no more rights than get and
// watch on their names.
package kube

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/cert"
)

// TokenDir is where Kubernetes mounts a Pod's ServiceAccount.
const TokenDir = "/var/run/secrets/kubernetes.io/serviceaccount" //nolint:gosec // a folder's name

// Client talks to the API server as the Pod's ServiceAccount. It never uses a proxy.
type Client struct {
	// Address is the API server's, HOST:PORT.
	Address string
	// Namespace is that of targets without one.
	Namespace string
	// Home is the Pod's own namespace.
	Home string
	// Proxied names the proxy that the environment asks for and the client does not use, "" if there is none.
	Proxied string
	// CAFile is what the client trusts.
	CAFile string

	objects  dynamic.Interface
	metadata metadata.Interface
	rest     *rest.RESTClient
	silent   sync.Map // what Bringer may not read, by kind and name
}

// Setup is what a Pod brings.
type Setup struct {
	// TokenDir holds the files token, ca.crt and namespace, as a projected volume does.
	TokenDir string
	// Namespace overrides the file.
	Namespace string
	// Host and Port are KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT.
	Host, Port string
}

// New makes a client. It asks nobody: its errors are about the Pod, and waiting cures none of them.
func New(s Setup) (*Client, error) {
	if s.Host == "" || s.Port == "" {
		return nil, errors.New("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: objects can only be waited for in a Pod")
	}
	c := &Client{Address: net.JoinHostPort(s.Host, s.Port), CAFile: filepath.Join(s.TokenDir, "ca.crt"), Namespace: s.Namespace}
	if err := c.readVolume(s.TokenDir); err != nil {
		return nil, err
	}
	config := &rest.Config{
		Host: "https://" + c.Address,
		// Read again every minute, and after a 401: with rest.Config's own BearerTokenFile every minute only.
		WrapTransport: transport.Wrappers(
			func(base http.RoundTripper) http.RoundTripper { return patient{base} },
			transport.ResettableTokenSourceWrapTransport(transport.NewCachedFileTokenSource(filepath.Join(s.TokenDir, "token"))),
		),
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.CAFile},
		UserAgent:       "waitfor",
		QPS:             -1, // what paces the requests is the waiting
		Proxy:           func(*http.Request) (*url.URL, error) { return nil, nil },
	}
	request := &http.Request{URL: &url.URL{Scheme: "https", Host: c.Address}}
	if proxy, err := http.ProxyFromEnvironment(request); err == nil && proxy != nil {
		c.Proxied = proxy.Redacted()
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making the client of the API server: %w", err)
	}
	c.objects, err = dynamic.NewForConfigAndClient(config, client)
	if err == nil {
		c.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), client)
	}
	if err == nil {
		c.rest, err = rest.UnversionedRESTClientForConfigAndClient(discovery(config), client)
	}
	if err != nil {
		return nil, fmt.Errorf("making the client of the API server: %w", err)
	}
	return c, nil
}

// readVolume looks for what the kubelet puts there before the container starts and never adds later.
func (c *Client) readVolume(dir string) error {
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no ServiceAccount token is mounted at %s: set automountServiceAccountToken: true, or mount a projected serviceAccountToken into this container", dir)
	case err != nil:
		return fmt.Errorf("reading the ServiceAccount token: %w", err)
	case len(strings.TrimSpace(string(token))) == 0:
		return fmt.Errorf("the ServiceAccount token %s is empty: mount a projected serviceAccountToken into this container", filepath.Join(dir, "token"))
	}
	if _, err := cert.NewPool(c.CAFile); err != nil {
		return fmt.Errorf("reading the API server's CA: %w: add the ConfigMap kube-root-ca.crt with its key ca.crt to the projected volume", err)
	}
	namespace, err := os.ReadFile(filepath.Join(dir, "namespace"))
	c.Home = cmp.Or(strings.TrimSpace(string(namespace)), c.Namespace)
	if c.Namespace = cmp.Or(c.Namespace, c.Home); c.Namespace == "" {
		return fmt.Errorf("reading the Pod's namespace from %s: %w: add metadata.namespace by downwardAPI to the projected volume, or set --namespace", dir, orEmpty(err))
	}
	return nil
}

func orEmpty(err error) error {
	if err == nil {
		return errors.New("it is empty")
	}
	return err
}

// discovery configures a client for /api and /apis, whose answers are decoded here.
func discovery(config *rest.Config) *rest.Config {
	c := metadata.ConfigFor(config)
	c.AcceptContentTypes, c.ContentType = "application/json", "application/json"
	return c
}
