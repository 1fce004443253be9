package bench

import (
	"context"
	"maps"
	"os"
	"time"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/stock"
)

// withStockFlux does what people do by hand, with kubectl and the credentials at hand: Flux's manifests, the
// Secrets, External Secrets Operator's identity among them, and the sync objects.
func withStockFlux(ctx context.Context, c *life.Castle) (Sample, error) {
	dir, err := os.MkdirTemp("", "castle-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	components, sync, err := stock.Tree(ctx, c, dir)
	if err != nil {
		return nil, err
	}
	if err := c.Push(ctx, dir); err != nil {
		return nil, err
	}
	given, err := stock.Credentials(c)
	if err != nil {
		return nil, err
	}
	hand, err := stock.ByHand(ctx, c)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	watching := observe(ctx, c, start)
	sample := Sample{}
	if err := hand.Components(ctx, components); err != nil {
		return nil, err
	}
	if err := hand.Kubectl(ctx, given+"---\n"+stock.Identity(c), "apply", "-f", "-"); err != nil {
		return nil, err
	}
	sample[credential] = time.Since(start)
	if err := hand.Kubectl(ctx, "", "apply", "-f", sync); err != nil {
		return nil, err
	}
	sample[fluxApplied] = time.Since(start)
	seen, err := watching()
	maps.Copy(sample, seen)
	return sample, err
}
