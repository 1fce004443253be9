package life

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/beside"
	"github.com/tazlab/seed/castle/internal/node"
)

// secretsFile is the name of the cluster's secrets bundle, beside the services.
const secretsFile = "secrets.yaml"

// register makes the vault know seed's tokens before there is a cluster, as an operator would with Talos' secrets bundle.
func (c *Castle) register(ctx context.Context) error {
	file, err := c.writeSecrets()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, c.programs["seed"], "render", "jwks", "--talos-secrets", file, "--endpoint", node.Issuer, "--format", "json")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	said, err := command.Output()
	if err != nil {
		return fmt.Errorf("seed render jwks: %w\n%s", err, stderr.String())
	}
	c.beside.JWT = &beside.Tokens{}
	if err := json.Unmarshal(said, c.beside.JWT); err != nil {
		return fmt.Errorf("read what seed render jwks says: %w", err)
	}
	return nil
}

// writeSecrets writes of Talos' secrets bundle the part with the key of ServiceAccounts:
// https://pkg.go.dev/github.com/siderolabs/talos/pkg/machinery/config/generate/secrets#Bundle.
func (c *Castle) writeSecrets() (file string, err error) {
	file = filepath.Join(c.besideDir(), secretsFile)
	bundle, err := yaml.Marshal(map[string]any{"certs": map[string]any{"k8sserviceaccount": map[string]any{
		"key": base64.StdEncoding.EncodeToString(c.serviceAccountKey.Key),
	}}})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(file, bundle, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("write the secrets bundle: %w", err)
	}
	return file, nil
}
