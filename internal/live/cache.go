// Package live is the one cache of what is watched in a cluster: each kind from the moment when somebody asks for it, each
// object cut down to what is judged.
package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

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

	mu      sync.Mutex
	watched map[Query]*watched
	told    map[Query]map[string]bool // the errors that were told since it was known last
	readers []*Reader
}

// New is an empty cache that watches nothing after ctx has ended.
func New(ctx context.Context, cluster cluster.Client, log *slog.Logger) *Cache {
	// The reflectors would tell of every failed request; the cache tells each error once.
	return &Cache{
		ctx: logr.NewContext(ctx, logr.Discard()), cluster: cluster, log: log,
		watched: map[Query]*watched{}, told: map[Query]map[string]bool{},
	}
}

// Wait waits, after the context's end, until nothing is watched any more.
func (c *Cache) Wait() {
	c.mu.Lock()   // whoever has not seen yet that the context has ended holds it
	c.mu.Unlock() //nolint:staticcheck // nothing is to be done in between
	c.running.Wait()
}

// Cluster is the client that the cache reads with.
func (c *Cache) Cluster() cluster.Client { return c.cluster }

// changed tells all readers.
func (c *Cache) changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake()
}

// wake tells all readers. c.mu is held.
func (c *Cache) wake() {
	for _, r := range c.readers {
		select {
		case r.changed <- struct{}{}:
		default: // it has not read the last one yet
		}
	}
}

// NotServed tells whether err says that the API server does not serve a kind.
func NotServed(err error) bool { return apimeta.IsNoMatchError(err) || apierrors.IsNotFound(err) }

// event is one of what is watched by q.
func (c *Cache) event(q Query, object any) {
	if definition, ok := object.(*metav1.PartialObjectMetadata); ok && q == Definitions {
		c.defined(definition)
	}
	c.changed()
}
