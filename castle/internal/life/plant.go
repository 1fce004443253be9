package life

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/tazlab/seed/castle/internal/gitserver"
	"github.com/tazlab/seed/castle/internal/node"
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

// Manifest makes the machine-config patch of the folder tree with the real seed, as a user would. It holds no secret.
func (c *Castle) Manifest(ctx context.Context, tree string, arguments ...string) ([]byte, error) {
	return c.render(ctx, tree, "", arguments...)
}

// ManifestWithIdentity is Manifest for a tree whose store knows Universal Auth alone: the patch carries the identity.
func (c *Castle) ManifestWithIdentity(ctx context.Context, tree string) ([]byte, error) {
	if err := c.load(); err != nil {
		return nil, err
	}
	identity := fmt.Sprintf("clientId=%s\nclientSecret=%s\n", c.beside.ClientID, c.beside.ClientSecret)
	return c.render(ctx, tree, identity, "--identity-file", "-")
}

func (c *Castle) render(ctx context.Context, tree, identity string, arguments ...string) ([]byte, error) {
	return c.Render(ctx, identity, append(arguments, "--tree", tree, "--cluster", Cluster, "--ca-file", node.CAFile(c.NodeDir()))...)
}

// harmless are arguments of seed render that change the manifest, and nothing that seed does.
func harmless(n int) []string {
	return []string{"--registry-mirror", fmt.Sprintf("changed-%d.%s=registry.%[2]s", n, node.Domain)}
}

// Up is everything: prepare, start, push, plant, and follow until the tree stands, or all of it that can.
func (c *Castle) Up(ctx context.Context) error {
	if err := c.Prepare(ctx); err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.BringCNI(ctx) })
	group.Go(func() error { return c.bear(ctx) })
	return group.Wait()
}

// bear pushes the tree, plants it and follows.
func (c *Castle) bear(ctx context.Context) error {
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
	switch {
	case c.Taint:
		return c.upTainted(ctx)
	case c.Database == Never:
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
