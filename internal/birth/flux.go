package birth

import (
	"context"
	"time"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/report"
)

// watchFlux tells why Flux does not run, until it does or ctx ends. Who follows for ever looks on: then its Deployments are
// watched, and its Pods while one of them is not available.
func (f *Following) watchFlux(ctx context.Context, cache *live.Cache) {
	start := time.Now()
	tell := func(t follow.Trouble) {
		f.alone.Lock()
		defer f.alone.Unlock()
		f.Log.Warn("Flux does not run", "deployments", t.Controllers, "class", t.Class, "why", t.Why, "next", t.Cure)
		if len(f.Report.Steps) > 0 { // on a cluster that lives already the report of its birth stays
			f.Report.Add("start Flux", start, report.Blocked, t.String())
			f.tellChanged()
		}
		if f.birth != nil {
			f.birth.event(ctx, "FluxNotRunning", t.String())
		}
	}
	runs := func(controller string) {
		f.Log.Info("a controller of Flux runs now", "deployment", controller)
	}
	namespace := "" // wherever it is
	if len(f.Roots) > 0 {
		namespace = f.Roots[0].Namespace
	}
	for follow.Controllers(ctx, cache, namespace, tell, runs) == nil {
		f.Log.Info("Flux runs", "after", time.Since(start).Round(time.Millisecond))
		if !f.Forever {
			return
		}
		stopped, err := follow.Stopped(ctx, cache, namespace)
		if err != nil {
			return // ctx has ended
		}
		start = time.Now()
		f.Log.Warn("Flux does not run any more", "deployments", stopped)
	}
}
