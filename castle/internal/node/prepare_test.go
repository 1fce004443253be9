package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tazlab/seed/castle/internal/pki"
)

// prepared is a folder that Start has prepared.
func prepared(t *testing.T, change func(*Config)) string {
	t.Helper()
	c := Config{Dir: t.TempDir(), Command: []string{"node"}, Binaries: map[string]string{"containerd-shim-runc-v2": "/opt/shim"}}
	if change != nil {
		change(&c)
	}
	if err := prepare(c, "127.0.0.1:12345"); err != nil {
		t.Fatal(err)
	}
	return c.Dir
}

func readYAML(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := yaml.UnmarshalStrict(data, &out); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, data)
	}
	return out
}

func TestKubeletConfiguration(t *testing.T) {
	got := readYAML(t, filepath.Join(prepared(t, nil), "etc", "kubelet.yaml"))
	for key, want := range map[string]any{
		"seccompDefault": true, "serializeImagePulls": false, "failCgroupV1": false, "cgroupsPerQOS": false, "clusterDomain": "cluster.local",
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if _, tainted := got["registerWithTaints"]; tainted {
		t.Error("the node is tainted")
	}
	got = readYAML(t, filepath.Join(prepared(t, func(c *Config) { c.Taint = true }), "etc", "kubelet.yaml"))
	if taints, _ := got["registerWithTaints"].([]any); len(taints) != 1 {
		t.Errorf("taints: %v", taints)
	}
}

func TestComponentConfigurationsParse(t *testing.T) {
	dir := prepared(t, nil)
	for _, name := range []string{"kube-proxy.yaml", "admission.yaml", "encryption.yaml"} {
		if got := readYAML(t, filepath.Join(dir, "etc", name)); got["kind"] == nil {
			t.Errorf("%s has no kind", name)
		}
	}
}

func TestAuditPolicyNamesTheUsers(t *testing.T) {
	path := func(dir string) string { return filepath.Join(dir, "etc", "audit.yaml") }
	if _, err := os.Stat(path(prepared(t, nil))); !os.IsNotExist(err) {
		t.Errorf("nobody asked for an audit log (%v)", err)
	}
	got := readYAML(t, path(prepared(t, func(c *Config) { c.Audit = []string{"system:serviceaccount:a:b", "admin"} })))
	if said := fmt.Sprint(got["rules"]); said != "[map[level:Metadata users:[system:serviceaccount:a:b admin]] map[level:None]]" {
		t.Errorf("rules: %s", said)
	}
}

func TestEncryptionKeyIsFresh(t *testing.T) {
	one, err1 := os.ReadFile(filepath.Join(prepared(t, nil), "etc", "encryption.yaml"))
	two, err2 := os.ReadFile(filepath.Join(prepared(t, nil), "etc", "encryption.yaml"))
	if err1 != nil || err2 != nil || bytes.Equal(one, two) {
		t.Errorf("two nodes have the same encryption key (%v, %v)", err1, err2)
	}
}

func TestFilesAreRootsAlone(t *testing.T) {
	dir := prepared(t, nil)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCNIMayComeLate(t *testing.T) {
	dir := prepared(t, func(c *Config) { c.NoCNI = true })
	path := filepath.Join(dir, "cni", "10-castle.conflist")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("the CNI configuration is there (%v)", err)
	}
	if err := AddCNI(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || !json.Valid(data) {
		t.Errorf("CNI configuration: %v\n%s", err, data)
	}
}

func TestKubeconfigLeadsToTheDoor(t *testing.T) {
	dir := prepared(t, nil)
	for path, want := range map[string]string{Kubeconfig(dir): "https://127.0.0.1:12345", InnerKubeconfig(dir): "https://127.0.0.1:6443"} {
		config, err := clientcmd.BuildConfigFromFlags("", path)
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != want {
			t.Errorf("%s leads to %s", path, config.Host)
		}
	}
}

func TestGivenServiceAccountKeyIsUsed(t *testing.T) {
	given := pki.Pair{Cert: []byte("public"), Key: []byte("private")}
	dir := prepared(t, func(c *Config) { c.ServiceAccountKey = given })
	if err := ensureServiceAccountKey(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(ServiceAccountKeyFile(dir))
	if err != nil || !bytes.Equal(got, given.Cert) {
		t.Errorf("public key %q (%v)", got, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil || bytes.Contains(data, []byte(`"ServiceAccountKey":`)) {
		t.Errorf("the configuration holds the key (%v)", err)
	}
}

func TestClusterDNS(t *testing.T) {
	manifests, err := ClusterDNS("ghcr.io/example/coredns:1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manifests), "image: ghcr.io/example/coredns:1\n") {
		t.Error("the image is not there")
	}
	var kinds []string
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	for {
		object := map[string]any{}
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, object["kind"].(string))
	}
	if got := strings.Join(kinds, " "); got != "ServiceAccount ClusterRole ClusterRoleBinding ConfigMap Deployment Service" {
		t.Errorf("kinds: %s", got)
	}
}
