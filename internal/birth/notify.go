package birth

import (
	"cmp"
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/report"
)

// announce tells a chat, through notification-controller, that the tree stands, or what is missing where following it has
// ended with an error. Where nobody asked for that, or nobody listens, nothing else changes.
func (b *Birth) announce(ctx context.Context, summary string, err error) {
	if b.EventsAddr == "" || ctx.Err() != nil { // who is ended has said nothing yet: the next Pod will
		return
	}
	e := notify.Event{Kustomization: client.ObjectKeyFromObject(b.Bundle.Root), Revision: b.Report.Revision, Reason: "TreeStands", Message: summary}
	if moments := b.Report.Moments(); moments != "" && b.planted { // of a tree that stood before it tells nothing
		e.Message += "; " + moments
	}
	if err != nil {
		e.Reason, e.Failed = "TreeDoesNotStand", true
		e.Message = "the tree does not stand: " + cmp.Or(b.Report.MissingLine(), report.Public(err.Error()))
	}
	if err := notify.Send(ctx, b.Cluster, b.EventsAddr, e); err != nil {
		b.Log.Warn("nobody is told in the chat", "error", err)
	}
}
