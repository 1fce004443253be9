package birth

import (
	"cmp"
	"context"
	"log/slog"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/report"
)

// Chat is where people are told how following a tree went: notification-controller's Alerts for Root.
type Chat struct {
	// Address of notification-controller's receiver of events; empty tells nobody.
	Address notify.Address
	Cluster client.Reader
	// Root is whom the Alerts choose; without a name nobody is told.
	Root types.NamespacedName
	Log  *slog.Logger
}

// Tell says that the goal stands, in the words of summary, or what is missing where following ended with err. It takes 15
// seconds at most. Where nobody listens, nothing else changes. Nothing is told once ctx has ended: the next Pod goes on.
func (c Chat) Tell(ctx context.Context, r *report.Report, summary string, err error) {
	if c.Address == "" || c.Root.Name == "" || ctx.Err() != nil {
		return
	}
	e := notify.Event{Kustomization: c.Root, Revision: r.Revision, Reason: "TreeStands", Message: summary}
	if err != nil {
		e.Reason, e.Failed = "TreeDoesNotStand", true
		e.Message = "the tree does not stand: " + cmp.Or(r.MissingLine(), report.Public(err.Error()))
	}
	if err := notify.Send(ctx, c.Cluster, c.Address, e); err != nil {
		c.Log.Warn("nobody is told in the chat", "error", err)
	}
}

// announce tells a chat how the birth went.
func (b *Birth) announce(ctx context.Context, summary string, err error) {
	if moments := b.Report.Moments(); moments != "" && b.planted { // of a tree that stood before they tell nothing
		summary += "; " + moments
	}
	Chat{b.EventsAddr, b.Cluster, client.ObjectKeyFromObject(b.Bundle.Root), b.Log}.Tell(ctx, b.Report, summary, err)
}
