package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

// watched is one query that is watched.
type watched struct {
	store cache.Store
	// complete is closed once the first list is in the store. To ask the informer itself would take the lock that it may
	// hold while it tells of an event, which takes the cache's.
	complete <-chan struct{}
	end      context.CancelFunc
	ended    chan struct{} // closed once nothing is watched
	// readers are those who have asked for it and not dropped it.
	readers map[*Reader]bool

	// err is why it could not be read, since the API server has last answered; was is the same of before that, until the
	// first list is in the store.
	err, was error
	// gone says that it was not served since the store was filled: what is in there is no more.
	gone bool
	// since is when it ceased to be known, zero if it is known or has never been; lasting tells that this is no moment any more.
	since   time.Time
	lasting bool
	// last is what was known before this began, until the first list is in the store; nil is nothing.
	last cache.Store
}

// problem is why it is not known, nil if it is or nobody can say yet.
func (w *watched) problem() error {
	if w.err != nil {
		return w.err
	}
	return w.was
}

func (w *watched) synced() bool {
	select {
	case <-w.complete:
		return true
	default:
		return false
	}
}

// watch begins to watch q, once after is closed if that is not nil. c.mu is held.
func (c *Cache) watch(q Query, after <-chan struct{}) (*watched, error) {
	object, list, err := c.types(q)
	if err != nil {
		return nil, err
	}
	options, err := q.options()
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(c.ctx)
	w := &watched{end: end, ended: make(chan struct{})}
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: c.telling(cluster.ListWatch(c.cluster, list, options), q, w), ObjectType: object, Transform: strip,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: func(o any) { c.event(q, o) }, UpdateFunc: func(_, o any) { c.event(q, o) }, DeleteFunc: func(any) { c.changed() },
		},
	})
	w.store, w.complete = store, informer.HasSyncedChecker().Done()
	c.running.Go(func() {
		defer close(w.ended)
		if after != nil {
			<-after
		}
		informer.RunWithContext(ctx)
	})
	c.running.Go(func() { // an empty list has no events
		select {
		case <-w.complete:
			c.completed(q, w)
		case <-ctx.Done():
		}
	})
	return w, nil
}

// types are what the API server's answers are read into.
func (c *Cache) types(q Query) (client.Object, client.ObjectList, error) {
	listKind := q.Kind.GroupVersion().WithKind(q.Kind.Kind + "List")
	if q.Metadata {
		object, list := &metav1.PartialObjectMetadata{}, &metav1.PartialObjectMetadataList{}
		object.SetGroupVersionKind(q.Kind)
		list.SetGroupVersionKind(listKind)
		return object, list, nil
	}
	typed, err := c.cluster.Scheme().New(q.Kind)
	if err != nil {
		return nil, nil, err
	}
	typedList, err := c.cluster.Scheme().New(listKind)
	if err != nil {
		return nil, nil, err
	}
	object, isObject := typed.(client.Object)
	list, isList := typedList.(client.ObjectList)
	if !isObject || !isList {
		return nil, nil, fmt.Errorf("%s is no kind of object", q.Kind)
	}
	return object, list, nil
}

func (q Query) options() (client.ListOptions, error) {
	options := client.ListOptions{Namespace: q.Namespace}
	var err error
	if q.Labels != "" {
		if options.LabelSelector, err = labels.Parse(q.Labels); err != nil {
			return options, err
		}
	}
	selector := fields.Everything()
	if q.Fields != "" {
		if selector, err = fields.ParseSelector(q.Fields); err != nil {
			return options, err
		}
	}
	if q.Name != "" {
		selector = fields.AndSelectors(selector, fields.OneTermEqualSelector(metav1.ObjectNameField, q.Name))
	}
	if !selector.Empty() {
		options.FieldSelector = selector
	}
	return options, nil
}

// telling is the same, but the cache learns of what comes of the requests. An informer tells nobody of its errors.
func (c *Cache) telling(lw *cache.ListWatch, q Query, w *watched) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := lw.ListWithContextFunc(ctx, o)
			if err != nil {
				c.failed(q, w, err) //nolint:contextcheck // what it begins to watch lives as long as the cache, not as this request
			} else {
				c.reached(q, w, false)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			events, err := lw.WatchFuncWithContext(ctx, o)
			switch {
			case err == nil:
				c.reached(q, w, true)
			case o.SendInitialEvents != nil:
				// The reflector lists instead, and that tells. Of a refused connection it must not learn here: it would pause
				// for up to a minute, whether or not ctx ends.
				// https://github.com/kubernetes/client-go/blob/v0.36.4/tools/cache/reflector.go
				return nil, errors.New(err.Error())
			default:
				c.failed(q, w, err) //nolint:contextcheck // the same as above
			}
			return events, err
		},
	}
}
