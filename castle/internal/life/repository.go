package life

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tazlab/seed/castle/internal/artifacts"
	"github.com/tazlab/seed/castle/internal/beside"
	"github.com/tazlab/seed/castle/internal/node"
)

// SampleFolder is the cluster's folder in a sample repository.
const SampleFolder = "clusters/home"

// GitURL is where the node finds the castle's repository.
const GitURL = "https://git.castle.internal:8443/" + beside.Repository

// Sample writes into the folder DIR/repository what "flux bootstrap" leaves in a repository, with one ConfigMap
// as its app, and into DIR/git-secret a file for each key of the Git Secret that it would have made.
func (c *Castle) Sample(ctx context.Context, dir string) error {
	if err := c.load(); err != nil {
		return err
	}
	repository, secret := filepath.Join(dir, "repository"), filepath.Join(dir, "git-secret")
	if err := artifacts.Bootstrap(ctx, filepath.Join(c.Cache, "artifacts"), repository, GitURL, SampleFolder); err != nil {
		return err
	}
	ca, err := os.ReadFile(node.CAFile(c.NodeDir()))
	if err != nil {
		return fmt.Errorf("read the castle's CA: %w", err)
	}
	for name, content := range map[string]string{
		filepath.Join(repository, SampleFolder, "app.yaml"): "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n  namespace: default\ndata:\n  hello: world\n",
		filepath.Join(secret, "username"):                   "git",
		filepath.Join(secret, "password"):                   c.beside.GitToken,
		filepath.Join(secret, "ca.crt"):                     string(ca),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.screen, "%s: a repository as flux bootstrap leaves it\n%s: its Git Secret\n", repository, secret)
	return nil
}

// load reads what stands beside a castle that another process has brought up.
func (c *Castle) load() error {
	if c.beside.Dir != "" {
		return nil
	}
	loaded, err := beside.Load(c.besideDir())
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("no castle is up: run castle up --bare")
	}
	c.beside = loaded
	return err
}
