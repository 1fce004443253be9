// Package live is the one cache of what is watched in a cluster: each kind from the moment when somebody asks for it, each
// object cut down to what is judged.
package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

// Query names what is watched: objects of one kind. Empty fields do not restrict it.
type Query struct {
	Kind            schema.GroupVersionKind
	Namespace, Name string
	// Labels and Fields are selectors.
	Labels, Fields string
	// Metadata asks for nothing but the objects' metadata: *metav1.PartialObjectMetadata.
	Metadata bool
}

// ErrNotYet says that the API server has not answered yet.
var ErrNotYet = errors.New("not listed yet")

// Definitions are all CustomResourceDefinitions, of which only the metadata matters: they are large.
var Definitions = Query{
	Kind: schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, Metadata: true,
}

// Cache holds what is watched. It may be used by several goroutines.
type Cache struct {
	ctx     context.Context //nolint:containedctx // what begins to be watched later ends with it too
	cluster cluster.Client
	log     *slog.Logger
	running sync.WaitGroup

	mu          sync.Mutex
	watched     map[Query]*watched
	told        map[Query]string // the error that was told last
	subscribers []chan struct{}
}

// New is an empty cache that watches nothing after ctx has ended.
func New(ctx context.Context, cluster cluster.Client, log *slog.Logger) *Cache {
	// The reflectors would tell of every failed request; the cache tells each error once.
	return &Cache{ctx: logr.NewContext(ctx, logr.Discard()), cluster: cluster, log: log, watched: map[Query]*watched{}, told: map[Query]string{}}
}

// Wait waits, after the context's end, until nothing is watched any more.
func (c *Cache) Wait() { c.running.Wait() }

// Cluster is the client that the cache reads with.
func (c *Cache) Cluster() cluster.Client { return c.cluster }

// Changes is a subscription: the channel takes one change, and who reads it looks at everything.
func (c *Cache) Changes() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := make(chan struct{}, 1)
	c.subscribers = append(c.subscribers, changed)
	return changed
}

// changed tells all subscribers.
func (c *Cache) changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.subscribers {
		select {
		case s <- struct{}{}:
		default: // it has not read the last one yet
		}
	}
}

// List is what is known by now, sorted by namespace and name; nobody may change the objects. The first call begins to watch.
// An error says that nothing is known: ErrNotYet, or why it cannot be read, which is tried again.
func (c *Cache) List(q Query) ([]client.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.watched[q]
	if w == nil {
		var err error
		if w, err = c.watch(q); err != nil {
			return nil, fmt.Errorf("watching %s: %w", q.Kind.Kind, err)
		}
		c.watched[q] = w
	}
	if !w.synced() {
		if w.err != nil {
			return nil, fmt.Errorf("watching %s: %w", q.Kind.Kind, w.err)
		}
		return nil, ErrNotYet
	}
	var all []client.Object
	for _, object := range w.store.List() {
		if o, ok := object.(client.Object); ok {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b client.Object) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return all, nil
}

// Drop ends the watching of q until somebody asks for it again: when it returns, no watch of it is open. The Definitions
// stay while a kind is not served: it comes with one of them.
func (c *Cache) Drop(q Query) {
	c.mu.Lock()
	if q == Definitions && c.lacks() {
		c.mu.Unlock()
		return
	}
	w := c.watched[q]
	delete(c.watched, q)
	c.mu.Unlock()
	if w != nil {
		w.end()
		<-w.ended // its last events take the lock
	}
}

// lacks tells whether anything that is asked for is not served.
func (c *Cache) lacks() bool {
	for _, w := range c.watched {
		if !w.synced() && NotServed(w.err) {
			return true
		}
	}
	return false
}

// Of is List with the objects' type, which is q's kind.
func Of[T client.Object](c *Cache, q Query) ([]T, error) {
	objects, err := c.List(q)
	all := make([]T, 0, len(objects))
	for _, object := range objects {
		if o, ok := object.(T); ok {
			all = append(all, o)
		}
	}
	return all, err
}

// failed remembers why q cannot be read, and tells it if it is news. A kind that is not served may come with its CRD.
func (c *Cache) failed(q Query, w *watched, err error) {
	if c.ctx.Err() != nil {
		return
	}
	unserved := NotServed(err)
	c.mu.Lock()
	if c.watched[q] != w {
		c.mu.Unlock()
		return
	}
	news := !w.synced() && (w.err == nil || w.err.Error() != err.Error())
	w.err = err
	told := c.told[q] == err.Error() // also before it was dropped
	c.told[q] = err.Error()
	c.mu.Unlock()
	if unserved && q != Definitions {
		_, _ = c.List(Definitions) // for its events
	}
	if news {
		if !unserved && !told {
			c.log.Warn("cannot be watched, and it is tried again", "kind", q.Kind.Kind, "namespace", q.Namespace, "name", q.Name, "error", err)
		}
		c.changed()
	}
}

// NotServed tells whether err says that the API server does not serve a kind.
func NotServed(err error) bool { return apimeta.IsNoMatchError(err) || apierrors.IsNotFound(err) }

// defined begins anew to watch what has not been served so far, if definition may bring it: the reflector would try
// again only after a pause, which doubles.
func (c *Cache) defined(definition *metav1.PartialObjectMetadata) {
	_, group, _ := strings.Cut(definition.Name, ".")
	c.mu.Lock()
	defer c.mu.Unlock()
	for q, w := range c.watched {
		if q.Kind.Group != group || w.synced() || !NotServed(w.err) {
			continue
		}
		w.end()
		if again, err := c.watch(q); err == nil {
			again.err = w.err
			c.watched[q] = again
		}
	}
}
