package node

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"

	"github.com/tazlab/seed/castle/internal/pki"
)

//go:embed files
var files embed.FS

// values is what the templates in files/ may use.
type values struct {
	Dir, Name, Domain, ServicesIP, ClusterDNS, PodCIDR string
	Containerd, CNIBinaries, PauseImage                string
	Registry, Mirror, Image, EncryptionKey             string
	Binaries                                           map[string]string
	Taint                                              bool
	Audit                                              []string
}

// mirrored are the registries that containerd asks the castle's own registry for first.
var mirrored = []string{"ghcr.io", "docker.io", "registry.k8s.io"}

// render fills a template in.
func render(name string, v values) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(files, "files/"+name)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("fill in template: %w", err)
	}
	return out.Bytes(), nil
}

func newValues(c Config) values {
	return values{
		Dir: c.Dir, Name: Name, Domain: Domain, ServicesIP: ServicesIP, ClusterDNS: clusterDNSIP, PodCIDR: podCIDR,
		Containerd: containerdSocket, CNIBinaries: cniBinaries, PauseImage: PauseImage, Mirror: MirrorAddr,
		Binaries: c.Binaries, Taint: c.Taint, Audit: c.Audit,
	}
}

// prepare writes what the supervisor and the components read: certificates, kubeconfigs, configuration files.
func prepare(c Config, apiDoor string) error {
	for _, folder := range []string{"log", "pki", "etc", "etcd", "containerd", "kubelet", "cni"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, folder), 0o755); err != nil {
			return err
		}
	}
	if err := c.save(); err != nil {
		return err
	}
	if err := writePKI(c.Dir, apiDoor); err != nil {
		return err
	}
	if err := writeServiceAccountKey(c.Dir, c.ServiceAccountKey); err != nil {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make the encryption key: %w", err)
	}
	v := newValues(c)
	v.EncryptionKey = base64.StdEncoding.EncodeToString(key)
	names := []string{"kubelet.yaml", "kube-proxy.yaml", "containerd.toml", "admission.yaml", "encryption.yaml", "Corefile"}
	if len(c.Audit) > 0 {
		names = append(names, "audit.yaml")
	}
	for _, name := range names {
		if err := write(filepath.Join(c.Dir, "etc", name), name, v); err != nil {
			return err
		}
	}
	for _, registry := range mirrored {
		v.Registry = registry
		if err := write(filepath.Join(c.Dir, "certs.d", registry, "hosts.toml"), "hosts.toml", v); err != nil {
			return err
		}
	}
	if c.NoCNI {
		return nil
	}
	return AddCNI(c.Dir)
}

func write(path, name string, v values) error {
	data, err := render(name, v)
	if err != nil {
		return err
	}
	return writeFile(path, data)
}

// ClusterDNS returns the manifests of the cluster's CoreDNS with the given image, as Talos brings it: for the caller to apply.
func ClusterDNS(image string) ([]byte, error) {
	return render("coredns.yaml", values{Image: image, ClusterDNS: clusterDNSIP})
}

// writePKI makes the authorities and all that they sign but the services' certificates.
func writePKI(dir, apiDoor string) error {
	cluster, err := pki.NewCA("kubernetes")
	if err != nil {
		return err
	}
	castle, err := pki.NewCA("castle-ca")
	if err != nil {
		return err
	}
	pairs, err := pki.Cluster(cluster, pki.ClusterOptions{
		NodeName: Name, NodeIP: ip(NodeIP), ServiceIP: ip(apiServiceIP), Domain: "cluster.local", Names: []string{Endpoint},
	})
	if err != nil {
		return err
	}
	frontProxy, err := pki.NewCA("front-proxy-ca")
	if err != nil {
		return err
	}
	if pairs[pki.FrontProxy], err = frontProxy.Issue(pki.Request{CommonName: pki.FrontProxy, Client: true}); err != nil {
		return err
	}
	pairs["ca"], pairs["castle-ca"], pairs["front-proxy-ca"] = cluster.Pair, castle.Pair, frontProxy.Pair
	for name, pair := range pairs {
		if err := writePair(dir, name, pair); err != nil {
			return err
		}
	}
	for _, name := range []string{pki.Admin, pki.ControllerManager, pki.Scheduler, pki.Kubelet, pki.KubeProxy} {
		if err := writeKubeconfig(pkiPath(dir, name+".kubeconfig"), localAPI, name, cluster, pairs[name]); err != nil {
			return err
		}
	}
	return writeKubeconfig(Kubeconfig(dir), apiDoor, pki.Admin, cluster, pairs[pki.Admin])
}

// writeServiceAccountKey writes the key that signs the cluster's tokens, if there is one yet.
func writeServiceAccountKey(dir string, pair pki.Pair) error {
	if len(pair.Key) == 0 {
		return nil
	}
	if err := writeFile(ServiceAccountKeyFile(dir), pair.Cert); err != nil {
		return err
	}
	return writeFile(pkiPath(dir, "sa.key"), pair.Key)
}

// ensureServiceAccountKey makes the key when Start was given none. It is slow, so it is made while etcd starts.
func ensureServiceAccountKey(dir string) error {
	if _, err := os.Stat(pkiPath(dir, "sa.key")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	pair, err := pki.ServiceAccountKey()
	if err != nil {
		return err
	}
	return writeServiceAccountKey(dir, pair)
}

func writePair(dir, name string, pair pki.Pair) error {
	if err := writeFile(pkiPath(dir, name+".crt"), pair.Cert); err != nil {
		return err
	}
	return writeFile(pkiPath(dir, name+".key"), pair.Key)
}

func writeKubeconfig(path, server, user string, ca *pki.CA, pair pki.Pair) error {
	data, err := pki.Kubeconfig("https://"+server, ca.Cert, user, pair)
	if err != nil {
		return err
	}
	return writeFile(path, data)
}
