package life

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tazlab/seed/castle/internal/gitserver"
	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/talos"
)

// Push puts the folder tree (the checkout, or a changed copy of it) on the castle's Git server.
func (c *Castle) Push(ctx context.Context, tree string) error {
	if err := c.load(); err != nil {
		return err
	}
	commit, err := gitserver.PushTree(ctx, tree, c.beside.GitDir(), "main", "The tree")
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "pushed the tree as commit %.12s\n", commit)
	return nil
}

// RotateGitToken changes the token of the castle's Git server, and the secret in the vault with it.
func (c *Castle) RotateGitToken() error {
	if err := c.load(); err != nil {
		return err
	}
	return c.beside.RotateGitToken()
}

// Manifest makes the inline manifest of the folder tree with the real seed, as a user would.
func (c *Castle) Manifest(ctx context.Context, tree string) ([]byte, error) {
	identity := fmt.Sprintf("clientId=%s\nclientSecret=%s\n", c.beside.ClientID, c.beside.ClientSecret)
	return c.Render(ctx, identity, "--tree", tree, "--cluster", Cluster, "--identity-file", "-", "--ca-file", node.CAFile(c.NodeDir()))
}

// Apply gives manifests to the API server as Talos does, beside Talos' own cluster DNS.
func (c *Castle) Apply(ctx context.Context, manifests ...[]byte) error {
	config, err := c.Config()
	if err != nil {
		return err
	}
	dns, err := node.ClusterDNS(images.CoreDNS(coreDNS).Name)
	if err != nil {
		return err
	}
	applier, err := talos.New(config, c.Semantics)
	if err != nil {
		return err
	}
	applier.OnError = func(err error) { fmt.Fprintf(c.Out, "Talos would try again: %v\n", err) }
	return applier.Apply(ctx, append([][]byte{dns}, manifests...)...)
}

// Up is everything: prepare, start, push, plant, and follow until the tree stands, or all of it that can.
func (c *Castle) Up(ctx context.Context) error {
	if err := c.Prepare(ctx); err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	tree, remove, err := c.tree()
	if err != nil {
		return err
	}
	defer remove()
	if err := c.Push(ctx, tree); err != nil {
		return err
	}
	manifest, err := c.Manifest(ctx, tree)
	if err != nil {
		return err
	}
	if err := c.Apply(ctx, manifest); err != nil {
		return err
	}
	fmt.Fprintln(c.Out, "applied the inline manifest; from here on nothing from outside touches the cluster")
	if c.Database == Never {
		return c.upWithoutDatabase(ctx)
	}
	if err := c.Follow(ctx); err != nil {
		return err
	}
	return c.ShowTimeline(ctx)
}

// CopyTree copies the GitOps tree of the checkout into dir, for a test that changes it.
func (c *Castle) CopyTree(dir string) error {
	for _, name := range []string{"clusters", "infrastructure", "apps", "charts"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(c.Root, name))); err != nil {
			return fmt.Errorf("copy the tree: %w", err)
		}
	}
	return nil
}
