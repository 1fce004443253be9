package life

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/beside"
	"github.com/tazlab/seed/castle/internal/node"
)

// secretsFile is the name of the cluster's secrets bundle, beside the services.
const secretsFile = "secrets.yaml"

// register makes the vault know seed's tokens before there is a cluster, as an operator would with a secrets bundle of Talos.
func (c *Castle) register(ctx context.Context) error {
	file := filepath.Join(c.besideDir(), secretsFile)
	bundle, err := yaml.Marshal(map[string]any{"certs": map[string]any{"k8sserviceaccount": map[string]any{
		"key": base64.StdEncoding.EncodeToString(c.serviceAccountKey.Key), // as machinery's secrets.Bundle has it
	}}})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		return fmt.Errorf("write the secrets bundle: %w", err)
	}
	c.beside.JWT, err = c.tokens(ctx, file)
	return err
}

// tokens says by what the vault knows seed's tokens.
//
// TODO: this is the one place that derives it; "seed render jwks --talos-secrets FILE --endpoint ISSUER --format json" says it.
func (c *Castle) tokens(context.Context, string) (*beside.Tokens, error) {
	return &beside.Tokens{
		Issuer: node.Issuer, Subject: "system:serviceaccount:" + SeedNamespace + ":seed", PublicKey: string(c.serviceAccountKey.Cert),
	}, nil
}
