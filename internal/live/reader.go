package live

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

// Reader is one who looks into the cache. What it has asked for is watched until it drops it; what several have asked for is
// watched once, until the last of them drops it. It must be closed.
type Reader struct {
	cache   *Cache
	changed chan struct{}
}

// Reader is a new one, that has asked for nothing yet.
func (c *Cache) Reader() *Reader {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &Reader{cache: c, changed: make(chan struct{}, 1)}
	c.readers = append(c.readers, r)
	return r
}

// Changes takes one change, and who reads it looks at everything.
func (r *Reader) Changes() <-chan struct{} { return r.changed }

// Cluster is the client that the cache reads with.
func (r *Reader) Cluster() cluster.Client { return r.cache.cluster }

// List is what is known by now, sorted by namespace and name; nobody may change the objects. The first call begins to watch.
// With the error Stale it is what was known last. Any other error says that nothing is known: ErrNotYet, or why it cannot be
// read, which is tried again.
func (r *Reader) List(q Query) ([]client.Object, error) { return r.cache.list(q, r) }

// Of is List with the objects' type, which is q's kind.
func Of[T client.Object](r *Reader, q Query) ([]T, error) {
	objects, err := r.List(q)
	all := make([]T, 0, len(objects))
	for _, object := range objects {
		if o, ok := object.(T); ok {
			all = append(all, o)
		}
	}
	return all, err
}

// Drop says that r does not need q any more. If nobody else does, no watch of it is open when it returns.
func (r *Reader) Drop(q Query) {
	if w := r.cache.drop(q, r); w != nil {
		<-w.ended
	}
}

// Close drops all that r has asked for, without waiting for the watches to end, and tells it of no change any more.
func (r *Reader) Close() {
	for _, q := range r.cache.leave(r) {
		r.cache.drop(q, r)
	}
}

// leave forgets r, and returns what it has asked for.
func (c *Cache) leave(r *Reader) []Query {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readers = slices.DeleteFunc(c.readers, func(other *Reader) bool { return other == r })
	var asked []Query
	for q, w := range c.watched {
		if w.readers[r] {
			asked = append(asked, q)
		}
	}
	return asked
}

// list reads q for r.
func (c *Cache) list(q Query, r *Reader) ([]client.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, err := c.want(q, r)
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", q.Kind.Kind, err)
	}
	problem, store := w.problem(), w.last
	if w.synced() {
		store = w.store
	}
	switch {
	case problem == nil && !w.synced():
		return nil, ErrNotYet
	case problem == nil:
		return sorted(store), nil
	}
	problem = fmt.Errorf("watching %s: %w", q.Kind.Kind, problem)
	if store == nil || w.gone || NotServed(problem) {
		return nil, problem
	}
	return sorted(store), Stale{Since: w.since, Lasting: w.lasting, Err: problem}
}

// want has q watched for r, nil being the cache itself. c.mu is held.
func (c *Cache) want(q Query, r *Reader) (*watched, error) {
	w := c.watched[q]
	if w == nil {
		var err error
		if w, err = c.watch(q, nil); err != nil {
			return nil, err
		}
		w.readers = map[*Reader]bool{}
		c.watched[q] = w
	}
	w.readers[r] = true
	return w, nil
}

func sorted(store cache.Store) []client.Object {
	var all []client.Object
	for _, object := range store.List() {
		if o, ok := object.(client.Object); ok {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b client.Object) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return all
}

// drop takes r off those who need q, and ends and returns its watch if r was the last of them.
func (c *Cache) drop(q Query, r *Reader) *watched {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.watched[q]
	if w == nil {
		return nil
	}
	delete(w.readers, r)
	if !c.lacks() { // of what is not served yet a definition will tell
		delete(w.readers, nil)
	}
	if len(w.readers) > 0 {
		return nil
	}
	delete(c.watched, q)
	w.end()
	return w
}

// lacks tells whether anything that is asked for is not served.
func (c *Cache) lacks() bool {
	for _, w := range c.watched {
		if NotServed(w.problem()) {
			return true
		}
	}
	return false
}
