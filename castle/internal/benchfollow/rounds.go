package benchfollow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/stock"
)

// all measures the generated trees on one node, then the real one.
func (b *bench) all(ctx context.Context) error {
	if slices.ContainsFunc(b.Trees, func(name string) bool { return name != real }) {
		if err := life.Fresh(ctx, b.castle, b.onOneNode); err != nil {
			return err
		}
	}
	if !slices.Contains(b.Trees, real) {
		return nil
	}
	for run := range b.Runs {
		for _, v := range b.rotated(run) {
			err := life.Fresh(ctx, b.castle, func(ctx context.Context, c *life.Castle) error { return b.realOnce(ctx, c, run, v) })
			if err != nil {
				return fmt.Errorf("run %d of the real tree with %s: %w", run+1, v.name, err)
			}
		}
	}
	return nil
}

// onOneNode measures the generated trees: all with one variant, then with the next.
func (b *bench) onOneNode(ctx context.Context, c *life.Castle) error {
	trees := generated()
	dir := filepath.Join(b.dir, "trees")
	if err := write(dir, trees); err != nil {
		return err
	}
	if err := c.Push(ctx, dir); err != nil {
		return err
	}
	var now *variant
	for run := range b.Runs {
		for _, v := range b.rotated(run) {
			if now == nil || !slices.Equal(now.flags, v.flags) {
				if err := b.bring(ctx, c, v, trees[len(trees)-1]); err != nil {
					return fmt.Errorf("bring Flux with %s: %w", v.name, err)
				}
			}
			now = &v
			for _, t := range trees {
				if !slices.Contains(b.Trees, t.name) {
					continue
				}
				s, err := b.measure(ctx, c, t, v)
				if err == nil {
					err = remove(ctx, c, t)
				}
				if err != nil {
					return fmt.Errorf("run %d of %s with %s: %w", run+1, t.name, v.name, err)
				}
				b.note(run, s)
			}
		}
	}
	return nil
}

// bring applies Flux with a variant's flags and lets it plant a tree that does not count: then its new Pod leads, and has all
// in its caches.
func (b *bench) bring(ctx context.Context, c *life.Castle, v variant, warm tree) error {
	file := filepath.Join(b.dir, "flux.yaml")
	if err := stock.Manifests(ctx, c, file, v.flags...); err != nil {
		return err
	}
	secrets, err := stock.Credentials(c)
	if err != nil {
		return err
	}
	if err := b.apply(ctx, c, file, secrets+"---\napiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+"}\n"); err != nil {
		return err
	}
	if _, err := b.measure(ctx, c, warm, variant{name: v.name}); err != nil {
		return err
	}
	return remove(ctx, c, warm)
}

// apply applies Flux and what else there is, and waits until Flux runs.
func (b *bench) apply(ctx context.Context, c *life.Castle, components, more string) error {
	hand, err := stock.ByHand(ctx, c)
	if err != nil {
		return err
	}
	if err := hand.Components(ctx, components); err != nil {
		return err
	}
	if err := hand.Kubectl(ctx, more, "apply", "-f", "-"); err != nil {
		return err
	}
	return hand.Running(ctx)
}

// realOnce measures the castle's tree in the layout of flux bootstrap. Flux keeps its own flags there, so they are in Git.
func (b *bench) realOnce(ctx context.Context, c *life.Castle, run int, v variant) error {
	dir, err := os.MkdirTemp(b.dir, "real-")
	if err != nil {
		return err
	}
	components, sync, err := stock.Tree(ctx, c, dir, v.flags...)
	if err != nil {
		return err
	}
	t, err := realTree(dir, sync)
	if err != nil {
		return err
	}
	if err := c.Push(ctx, dir); err != nil {
		return err
	}
	secrets, err := stock.Credentials(c)
	if err != nil {
		return err
	}
	if err := b.apply(ctx, c, components, secrets+"---\n"+stock.Identity(c)); err != nil {
		return err
	}
	s, err := b.measure(ctx, c, t, v)
	if err == nil {
		b.note(run, s)
	}
	return err
}
