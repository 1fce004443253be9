package life

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/tazlab/seed/castle/internal/gitserver"
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
	fmt.Fprintf(c.screen, "pushed the tree as commit %.12s\n", commit)
	return nil
}

// RotateGitToken changes the token of the castle's Git server, and the secret in the vault with it.
func (c *Castle) RotateGitToken() error {
	if err := c.load(); err != nil {
		return err
	}
	return c.beside.RotateGitToken()
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
	fmt.Fprintln(c.screen, "applied the inline manifest; from here on nothing from outside touches the cluster")
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
