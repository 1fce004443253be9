package live

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// patience is how long what was known may be out of reach before that is told. An API server restarts in less, also with the
// pauses that the reflector makes between two tries, which double.
const patience = time.Minute

// mostTold is how many different errors of one query are remembered.
const mostTold = 20

// Stale is the error of a List that has objects: they are what was known last. It cannot be watched now, which is tried again.
type Stale struct {
	// Since is when that began. What has happened after it is not known.
	Since time.Time
	// Lasting tells that it is more than a moment, as an API server needs to restart; then it is in the log.
	Lasting bool
	// Err is why.
	Err error
}

// Error says of when the objects are, and why there are none of now.
func (s Stale) Error() string {
	return fmt.Sprintf("known as of %s: %v", s.Since.UTC().Format(time.RFC3339), s.Err)
}

// Unwrap returns why.
func (s Stale) Unwrap() error { return s.Err }

// failed remembers why q cannot be read. A kind that is not served may come with its CRD.
func (c *Cache) failed(q Query, w *watched, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil || c.watched[q] != w {
		return
	}
	err = plain(err)
	news := w.err == nil || w.err.Error() != err.Error()
	w.err = err
	w.gone = w.gone || NotServed(err)
	if w.synced() && w.since.IsZero() {
		c.lost(q, w)
	}
	if NotServed(err) && q != Definitions {
		_, _ = c.want(Definitions, nil) // for its events
	}
	if w.since.IsZero() || w.lasting {
		c.tell(q, w)
	}
	if news {
		c.wake()
	}
}

// plain is err without what differs from try to try: a URL has a random timeout in it, a connection the port of this side.
func plain(err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return fmt.Errorf("%s %s: %w", op.Op, op.Addr, op.Err)
	}
	return err
}

// lost begins the time in which q is not known any more. c.mu is held.
func (c *Cache) lost(q Query, w *watched) {
	since := time.Now()
	w.since = since
	time.AfterFunc(patience, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		// Whoever watches q by now may have begun since.
		if now := c.watched[q]; c.ctx.Err() == nil && now != nil && now.since.Equal(since) {
			now.lasting = true
			c.tell(q, now)
			c.wake()
		}
	})
}

// tell logs why q cannot be watched, each error once until it is known again. c.mu is held.
func (c *Cache) tell(q Query, w *watched) {
	err := w.problem()
	if err == nil || NotServed(err) || c.told[q][err.Error()] {
		return
	}
	if len(c.told[q]) >= mostTold || c.told[q] == nil {
		c.told[q] = map[string]bool{}
	}
	c.told[q][err.Error()] = true
	next := "look whether the API server runs and can be reached"
	if apierrors.IsForbidden(err) {
		next = "allow whom the error names to list and watch it"
	}
	c.log.Warn("cannot be watched, and it is tried again", "kind", q.Kind.Kind, "namespace", q.Namespace, "name", q.Name, "error", err, "next", next)
}

// reached says that the API server has answered a list of q or, if watching, has begun a watch.
func (c *Cache) reached(q Query, w *watched, watching bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.watched[q] != w || w.err == nil:
	case !w.synced():
		w.was, w.err = w.err, nil
	case watching:
		// What has happened since the last watch comes as events now, and none of them says that it is the last one. A first
		// list is complete when it is.
		c.again(q, w)
	}
}

// completed says that the first list of q is in the store.
func (c *Cache) completed(q Query, w *watched) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watched[q] != w {
		return
	}
	w.was, w.last, w.gone = nil, nil, false
	switch {
	case w.err == nil:
		w.since, w.lasting = time.Time{}, false
		if c.told[q] != nil {
			delete(c.told, q)
			c.log.Info("is watched again", "kind", q.Kind.Kind, "namespace", q.Namespace, "name", q.Name)
		}
	case w.since.IsZero(): // it can be listed, but not watched
		c.lost(q, w)
	}
	c.wake()
}

// defined begins anew to watch what is not served, if definition may bring it: the reflector would try again only after a
// pause, which doubles.
func (c *Cache) defined(definition *metav1.PartialObjectMetadata) {
	_, group, _ := strings.Cut(definition.Name, ".")
	c.mu.Lock()
	defer c.mu.Unlock()
	for q, w := range c.watched {
		if q.Kind.Group == group && NotServed(w.problem()) {
			c.again(q, w)
		}
	}
}

// again begins anew to watch q, in place of w. c.mu is held.
func (c *Cache) again(q Query, w *watched) {
	next, err := c.watch(q, w.ended)
	if err != nil {
		return // w goes on, and so does its problem
	}
	next.readers, next.since, next.lasting, next.was = w.readers, w.since, w.lasting, w.problem()
	if !w.gone && !NotServed(next.was) { // else nothing of it is there
		if next.last = w.last; w.synced() {
			next.last = w.store
		}
	}
	c.watched[q] = next
	w.end()
}
