// Package live is the one cache of what is watched in a cluster: each kind from the moment when somebody asks for it, each
// object cut down to what is judged.
package live

import (
	"context"
	"errors"
	"log/slog"
	"strings"
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
	told    map[Query]string // the error that was told last
	readers []*Reader
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

// changed tells all readers.
func (c *Cache) changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.readers {
		select {
		case r.changed <- struct{}{}:
		default: // it has not read the last one yet
		}
	}
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
		_, _ = c.list(Definitions, nil) // for its events
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
			again.err, again.readers = w.err, w.readers
			c.watched[q] = again
		}
	}
}
