package life

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/beside"
	"github.com/tazlab/seed/castle/internal/pki"
)

// The secrets bundle has the cluster's key where Talos has it, for its owner only, and the tree names the vault's identity. That
// the vault then lets seed in each birth shows.
func TestSecretsBundle(t *testing.T) {
	t.Parallel()
	c, err := New(Options{Root: "../../..", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if c.serviceAccountKey, err = pki.ServiceAccountKey(); err != nil {
		t.Fatal(err)
	}
	file, err := c.writeSecrets()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		Certs struct {
			K8sServiceAccount struct{ Key string } `json:"k8sserviceaccount"`
		}
	}
	if err := yaml.UnmarshalStrict(data, &bundle); err != nil {
		t.Fatal(err)
	}
	if key, err := base64.StdEncoding.DecodeString(bundle.Certs.K8sServiceAccount.Key); err != nil || string(key) != string(c.serviceAccountKey.Key) {
		t.Errorf("%v: the secrets bundle does not hold the key", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
	vars, err := os.ReadFile(filepath.Join("../../..", Cluster, "cluster-vars.yaml"))
	if err != nil || !strings.Contains(string(vars), "\n  VAULT_JWT_IDENTITY_ID: "+beside.JWTIdentityID+"\n") {
		t.Errorf("%v: the tree does not name the identity %s", err, beside.JWTIdentityID)
	}
}
