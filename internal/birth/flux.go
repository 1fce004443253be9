package birth

import (
	"context"
	"sync"
	"time"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

// watchFlux tells why Flux does not run, until it does or ctx ends. It holds alone while it changes b.
func (b *Birth) watchFlux(ctx context.Context, alone *sync.Mutex) {
	start := time.Now()
	tell := func(t follow.Trouble) {
		alone.Lock()
		defer alone.Unlock()
		b.Log.Warn("Flux does not run", "deployments", t.Controllers, "class", t.Class, "why", t.Why, "next", t.Cure)
		if len(b.Report.Steps) > 0 { // on a cluster that lives already the report of its birth stays
			b.Report.Add("start Flux", start, report.Blocked, t.String())
		}
		b.event(ctx, "FluxNotRunning", t.String())
	}
	runs := func(controller string) {
		b.Log.Info("a controller of Flux runs now", "deployment", controller)
	}
	if err := follow.Controllers(ctx, b.Cluster, b.Bundle.Root.Namespace, tell, runs); err == nil {
		b.Log.Info("Flux runs", "after", time.Since(start).Round(time.Millisecond))
	}
}
