package manifests

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/secret"
)

// kubelets is how a variable begins that the kubelet fills in (https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
const kubelets = "$("

// checkSettings finds what would only come out in the cluster.
func (in Input) checkSettings() error {
	return errors.Join(in.checkAPIServer(), in.checkProxy(), checkDeadline(in.Deadline))
}

func checkDeadline(deadline time.Duration) error {
	if deadline < 0 {
		return fmt.Errorf("the deadline %s must be a time to come, for example 30m", deadline)
	}
	return nil
}

func (in Input) checkAPIServer() error {
	if in.APIServer == "" {
		return nil
	}
	if in.Talos {
		return errors.New("the API server's address cannot be set on Talos: there seed reaches it by KubePrism, at " + kubePrism)
	}
	host, port, err := net.SplitHostPort(in.APIServer)
	number, numberErr := strconv.ParseUint(port, 10, 16)
	if err != nil || numberErr != nil || number == 0 || host == "" || strings.Contains(host, "/") {
		return fmt.Errorf("the API server's address %q must be HOST:PORT, for example 10.0.0.1:6443", in.APIServer)
	}
	return nil
}

// checkProxy refuses a password above all: variables of a Pod can be read by everybody who can read Pods.
func (in Input) checkProxy() error {
	if in.Proxy == "" {
		if in.NoProxy != "" {
			return errors.New("there is a list of hosts that need no proxy, but no proxy: add --proxy, or remove --no-proxy")
		}
		return nil
	}
	u, err := url.Parse(in.Proxy)
	switch {
	case err == nil && u.User != nil:
		return errors.New("the proxy's URL holds a user: a Pod's variables are no place for a credential: let the proxy know this machine by its address")
	case err != nil, !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme), u.Hostname() == "", strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "", strings.Contains(in.Proxy, kubelets):
		return errors.New("the proxy must be a URL of http, https or socks5 with a host and nothing more, for example http://proxy.home:3128")
	}
	if strings.Contains(in.NoProxy, kubelets) || strings.ContainsAny(in.NoProxy, " \n\t") {
		return errors.New("the list of hosts that need no proxy has commas between them and nothing else, for example git.home,.lan,10.0.0.0/8")
	}
	return nil
}

// certificates are the certificates of a PEM file and nothing else of it: a key that lies beside them must not get into
// a ConfigMap.
func certificates(file []byte) (string, error) {
	var out bytes.Buffer
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "", fmt.Errorf("the file with authorities: certificate %d: %w", strings.Count(out.String(), "BEGIN")+1, err)
		}
		if err := pem.Encode(&out, &pem.Block{Type: block.Type, Bytes: block.Bytes}); err != nil {
			return "", err
		}
	}
	if out.Len() == 0 {
		return "", errors.New("the file with authorities holds no PEM certificate: name one that begins with -----BEGIN CERTIFICATE-----")
	}
	return out.String(), nil
}

// pullSecret keeps of a Docker configuration what a kubelet reads. Its errors quote nothing of it.
func pullSecret(config secret.String) (*corev1.Secret, error) {
	if config.Empty() {
		return nil, nil
	}
	const must = `the pull secret must be a Docker config.json of the form {"auths": {"HOST": {"auth": ...}}}`
	var content struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	if err := json.Unmarshal([]byte(config.Reveal()), &content); err != nil || len(content.Auths) == 0 {
		return nil, errors.New(must)
	}
	for _, entry := range content.Auths {
		var login struct{ Auth, Username, IdentityToken, RegistryToken string }
		if err := json.Unmarshal(entry, &login); err != nil {
			return nil, errors.New(must)
		}
		if login.Auth == "" && login.Username == "" && login.IdentityToken == "" && login.RegistryToken == "" {
			return nil, errors.New(must + ": an entry of it holds no credential. Docker may keep them in a store of the system: log in with another --config folder, without one")
		}
	}
	kept, err := json.Marshal(content)
	if err != nil {
		return nil, errors.New(must)
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace},
		Type:       corev1.SecretTypeDockerConfigJson,
		StringData: map[string]string{corev1.DockerConfigJsonKey: string(kept)},
	}, nil
}
