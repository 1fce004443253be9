// Package nudge asks Flux to look at a Kustomization in the moment when what it waits for has come: Flux itself looks
// again only after an interval. It writes one annotation, and nothing else.
package nudge

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// Manager is the field manager of the annotation: that of "flux reconcile", whose request it is. Who takes Flux over later
// knows that name; one of seed's own would stay for ever.
const Manager = "flux"

const (
	patience = 10 * time.Second // for one request to the API server
	atOnce   = 8                // so many requests at the same time
)

// Run asks Flux to look at Kustomizations of the trees that tree's roots have, as the rules say, until ctx ends. It calls
// asked for each, with the rule's name. A request that fails is a line in log: Flux looks again by itself, only later.
func Run(ctx context.Context, cache *live.Cache, tree func() []types.NamespacedName, log *slog.Logger, asked func(kind, cause string)) {
	n := newNudger(cache.Cluster(), log)
	n.told = asked
	namespace := ""
	if roots := tree(); len(roots) > 0 {
		namespace = roots[0].Namespace
	}
	w := newWatcher(ctx, cache.Cluster(), namespace)
	for {
		select {
		case <-ctx.Done():
			w.running.Wait()
			return
		case <-w.changed:
			n.judge(ctx, w.state(tree(), cache.Cluster()))
		}
	}
}

type nudger struct {
	live  client.Client
	log   *slog.Logger
	asked map[waiter]string // the cause for which it was asked last
	told  func(kind, cause string)
}

// waiter is one Kustomization that waits by one rule.
type waiter struct {
	uid  types.UID
	rule string
}

// nudge is one request.
type nudge struct {
	waiter
	k     *kustomizev1.Kustomization
	cause cause
	err   error
}

func newNudger(live client.Client, log *slog.Logger) *nudger {
	return &nudger{live: live, log: log, asked: map[waiter]string{}, told: func(string, string) {}}
}

// judge asks for everything that waits for what is there by now, once for each cause.
func (n *nudger) judge(ctx context.Context, s *state) {
	n.forget(s)
	var due []*nudge
	for _, k := range s.tree() {
		due = append(due, n.due(ctx, s, k)...)
	}
	var asking sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, d := range due {
		asking.Go(func() {
			places <- struct{}{}
			d.err = n.ask(ctx, d.k)
			<-places
		})
	}
	asking.Wait()
	for _, d := range due {
		n.record(ctx, d)
	}
}

// due are the requests for k.
func (n *nudger) due(ctx context.Context, s *state, k *kustomizev1.Kustomization) []*nudge {
	ready := waiting(k)
	if ready == nil {
		return nil
	}
	var due []*nudge
	for _, r := range rules {
		if !r.waits(k, ready) {
			continue
		}
		c, w := r.came(s, k), waiter{k.UID, r.name}
		if c.id == "" || n.asked[w] == c.id {
			continue
		}
		current, err := s.current(ctx, k, c.revision)
		if err != nil && ctx.Err() == nil {
			n.log.Warn("not asked to reconcile", "kustomization", client.ObjectKeyFromObject(k), "cause", r.name, "err", err)
		}
		if current {
			due = append(due, &nudge{waiter: w, k: k, cause: c})
		}
	}
	return due
}

// ask requests k's reconciliation, if k still is in the state that was judged: Flux may have begun by itself.
func (n *nudger) ask(ctx context.Context, k *kustomizev1.Kustomization) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": k.ResourceVersion,
		"annotations":     map[string]string{meta.ReconcileRequestAnnotation: time.Now().Format(time.RFC3339Nano)},
	}})
	if err != nil {
		return err
	}
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: k.Name}}
	object.SetGroupVersionKind(kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind))
	return n.live.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(Manager))
}

// record remembers what was asked. What failed because of the moment is due again with the next change.
func (n *nudger) record(ctx context.Context, d *nudge) {
	log := n.log.With("kustomization", client.ObjectKeyFromObject(d.k), "cause", d.rule, "because", d.cause.text)
	switch {
	case d.err == nil:
		n.asked[d.waiter] = d.cause.id
		n.told(kustomizev1.KustomizationKind, d.rule)
		log.Info("asked to reconcile")
	case apierrors.IsConflict(d.err), ctx.Err() != nil: // it has changed, and is judged anew; or nobody waits any more
	case apierrors.IsForbidden(d.err), apierrors.IsInvalid(d.err):
		n.asked[d.waiter] = d.cause.id
		fallthrough
	default:
		log.Warn("could not be asked to reconcile: Flux looks again by itself, later", "err", fmt.Errorf("annotating it: %w", d.err))
	}
}

// forget drops what was asked of Kustomizations that are gone.
func (n *nudger) forget(s *state) {
	there := map[types.UID]bool{}
	for _, k := range s.live {
		there[k.UID] = true
	}
	for w := range n.asked {
		if !there[w.uid] {
			delete(n.asked, w)
		}
	}
}
