// Package nudge asks Flux and External Secrets Operator to look at an object in the moment when what it waits for has come:
// they themselves look again only after an interval. It writes one annotation, and nothing else.
package nudge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

const atOnce = 8 // so many requests at the same time

// Options are what Run works with.
type Options struct {
	Cache *live.Cache
	// Roots are the Kustomizations whose trees it looks after; none means all of the cluster.
	Roots []types.NamespacedName
	Log   *slog.Logger
	// Asked is told of each request: the object's kind and the rule's name; nil tells nobody.
	Asked func(kind, cause string)
	// RequirePolicy has nobody asked before the API server has refused this account any other change, see Refusal.
	RequirePolicy bool
	// Proven is called once that has happened; nil tells nobody.
	Proven func()
}

// Run asks for everything that waits, as the rules say, until ctx ends. A request that fails is a line in the log: the
// controllers look again by themselves, only later.
func Run(ctx context.Context, o Options) {
	n := newNudger(o.Cache.Cluster(), o.Log)
	reader := o.Cache.Reader()
	defer reader.Close()
	n.list, n.drop, n.roots, n.told = reader.List, reader.Drop, func() []types.NamespacedName { return o.Roots }, o.Asked
	if o.RequirePolicy {
		n.guard = &guard{proven: o.Proven}
	}
	for {
		later := n.judge(ctx)
		select {
		case <-ctx.Done():
			return
		case <-reader.Changes():
		case <-later:
		}
	}
}

type nudger struct {
	client  client.Client
	list    func(live.Query) ([]client.Object, error)
	drop    func(live.Query)
	roots   func() []types.NamespacedName
	told    func(kind, cause string)
	now     func() time.Time
	log     *slog.Logger
	guard   *guard               // holds the requests back; nil lets them pass
	asked   map[waiter]string    // the cause for which it was asked last
	said    map[types.UID]string // what a dependency said when its controller was not at work last
	watches map[live.Query]bool  // what is watched, since it was wanted last time
	// What was read because it had changed.
	definitions map[types.UID]seen[definition]
	webhooks    map[types.UID]seen[[]string]
}

// waiter is one object that waits by one rule.
type waiter struct {
	uid  types.UID
	rule string
}

// nudge is one request.
type nudge struct {
	waiter
	unit  *unit
	cause cause
	err   error
}

func newNudger(cluster client.Client, log *slog.Logger) *nudger {
	return &nudger{
		client: cluster, log: log, now: time.Now, asked: map[waiter]string{}, said: map[types.UID]string{},
		definitions: map[types.UID]seen[definition]{}, webhooks: map[types.UID]seen[[]string]{},
	}
}

// judge asks for everything that waits for what is there by now, once for each cause. The channel says when to look again
// although nothing changes; it is nil if that is not necessary.
func (n *nudger) judge(ctx context.Context) <-chan time.Time {
	s := n.state()
	if s.blind {
		return nil // what is watched stays so: the cache tells when it is known
	}
	n.forget(s)
	var due []*nudge
	for _, u := range s.units {
		due = append(due, n.due(ctx, s, u)...)
	}
	n.unwatch(s.wanted)
	if n.mayAsk(ctx, s) {
		n.askAll(ctx, due)
	}
	if s.later.IsZero() {
		return nil
	}
	return time.After(s.later.Sub(s.now))
}

func (n *nudger) askAll(ctx context.Context, due []*nudge) {
	var asking sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, d := range due {
		asking.Go(func() {
			places <- struct{}{}
			d.err = n.ask(ctx, d.unit)
			<-places
		})
	}
	asking.Wait()
	for _, d := range due {
		n.record(ctx, d)
	}
}

// due are the requests for u.
func (n *nudger) due(ctx context.Context, s *state, u *unit) []*nudge {
	var due []*nudge
	for _, r := range rules {
		if !r.waits(u) {
			continue
		}
		c, w := r.came(ctx, s, u), waiter{u.GetUID(), r.name}
		if c.id == "" || n.asked[w] == c.id || c.longBefore(u) || s.tooEarly(c) {
			continue
		}
		due = append(due, &nudge{waiter: w, unit: u, cause: c})
	}
	return due
}

// record remembers what was asked. What failed because of the moment is due again with the next change.
func (n *nudger) record(ctx context.Context, d *nudge) {
	log := n.log.With("kind", d.unit.kind.Kind, "object", client.ObjectKeyFromObject(d.unit), "cause", d.rule, "because", d.cause.text)
	switch {
	case d.err == nil:
		n.asked[d.waiter] = d.cause.id
		if n.told != nil {
			n.told(d.unit.kind.Kind, d.rule)
		}
		log.Info("asked to reconcile")
	case apierrors.IsConflict(d.err), ctx.Err() != nil: // it has changed, and is judged anew; or nobody waits any more
	case apierrors.IsForbidden(d.err), apierrors.IsInvalid(d.err):
		n.asked[d.waiter] = d.cause.id
		fallthrough
	default:
		log.Warn("could not be asked to reconcile: its controller looks again by itself, later", "err", d.err)
	}
}

// forget drops what was asked, and said, of objects that are gone.
func (n *nudger) forget(s *state) {
	if !s.whole {
		return
	}
	for w := range n.asked {
		if !s.there[w.uid] {
			delete(n.asked, w)
		}
	}
	for uid := range n.said {
		if !s.there[uid] {
			delete(n.said, uid)
		}
	}
}

// unwatch ends the watching of what was wanted and is no more.
func (n *nudger) unwatch(wanted map[live.Query]bool) {
	for q := range n.watches {
		if !wanted[q] {
			n.drop(q)
		}
	}
	n.watches = wanted
	if !wanted[live.Definitions] {
		clear(n.definitions)
	}
	if !wanted[configurations[0]] {
		clear(n.webhooks)
	}
}
