package benchfollow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/stock"
)

var (
	kustomizations  = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	gitRepositories = schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
)

// longest is how long one tree may take to stand: the real one took two minutes with stock Flux.
const longest = 15 * time.Minute

// sample is one measurement.
type sample struct {
	Run     int    `json:"run"`
	Tree    string `json:"tree"`
	Variant string `json:"variant"`
	// Seconds is from the root's creation to the moment at which the last unit was Ready first.
	Seconds float64 `json:"seconds"`
	// Units are the same of each Kustomization.
	Units map[string]float64 `json:"units"`
	// Requests are those in that time, by who.
	Requests map[string]requests `json:"requests"`
	// Detail are the same by verb and resource.
	Detail map[string]map[string]int `json:"detail"`
	// Before are seed's until then, from its start on.
	Before *requests `json:"before,omitempty"`
}

// measure plants a tree whose Git content is pushed and takes the time. The tree stays.
func (b *bench) measure(ctx context.Context, c *life.Castle, t tree, v variant) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	s := sample{Tree: t.name, Variant: v.name}
	client, err := newClient(c)
	if err != nil {
		return s, err
	}
	if _, _, err := stands(ctx, client, gitRepositories, t.source, []string{t.source.GetName()}); err != nil {
		return s, err
	}
	log, err := begin(node.AuditLog(c.NodeDir()))
	if err != nil {
		return s, err
	}
	var seed *following
	if v.seed {
		if seed, err = b.follow(ctx, c.NodeDir(), t.root.GetName(), log); err != nil {
			return s, err
		}
		defer seed.end()
	}
	start, ready, err := stands(ctx, client, kustomizations, t.root, t.names())
	if seed != nil {
		err = errors.Join(err, seed.lives())
	}
	if err != nil {
		return s, err
	}
	select {
	case <-time.After(time.Second): // what was under way is in the log then
	case <-ctx.Done():
		return s, ctx.Err()
	}
	return s, s.take(log, start, ready)
}

// take works the figures out.
func (s *sample) take(log auditLog, start time.Time, ready map[string]time.Time) error {
	last := start
	s.Units = map[string]float64{}
	for name, moment := range ready {
		s.Units[name] = moment.Sub(start).Seconds()
		if moment.After(last) {
			last = moment
		}
	}
	s.Seconds = last.Sub(start).Seconds()
	entries, err := log.entries()
	if err != nil {
		return err
	}
	s.Requests, s.Detail = map[string]requests{}, map[string]map[string]int{}
	for who, asked := range within(entries, start, last) {
		s.Requests[who], s.Detail[who] = count(asked), map[string]int{}
		for _, e := range asked {
			s.Detail[who][e.what()]++
		}
	}
	if s.Requests[controller].Writes == 0 { // it has written what is Ready
		return errors.New("the API server's audit log has none of kustomize-controller's requests")
	}
	if asked := within(entries, time.Time{}, start.Add(-1))[follower]; len(asked) > 0 {
		before := count(asked)
		s.Before = &before
	}
	return nil
}

func newClient(c *life.Castle) (dynamic.Interface, error) {
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

// stands creates an object while it watches those of its kind, and returns when all of these names have been Ready: when it
// was created, and when each was Ready first.
func stands(ctx context.Context, client dynamic.Interface, kind schema.GroupVersionResource, first *unstructured.Unstructured, names []string) (time.Time, map[string]time.Time, error) {
	objects := client.Resource(kind).Namespace(stock.Namespace)
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return objects.List(ctx, o) },
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return objects.Watch(ctx, o)
		},
	}
	var start time.Time
	create := func(cache.Store) (bool, error) { // the watch has begun
		start = time.Now()
		_, err := objects.Create(ctx, first, metav1.CreateOptions{})
		return false, err
	}
	missing := map[string]string{}
	for _, name := range names {
		missing[name] = "not there"
	}
	ready := map[string]time.Time{}
	_, err := watchtools.UntilWithSync(ctx, source, &unstructured.Unstructured{}, create, func(e watch.Event) (bool, error) {
		now := time.Now()
		object, ok := e.Object.(*unstructured.Unstructured)
		if !ok {
			return false, nil
		}
		name := object.GetName()
		if _, waited := missing[name]; waited && life.Ready(object) {
			ready[name] = now
			delete(missing, name)
		} else if waited {
			missing[name] = message(object)
		}
		return len(missing) == 0, nil
	})
	if err != nil {
		return start, nil, fmt.Errorf("wait until %s %s stands: %w; not Ready: %v", kind.Resource, first.GetName(), err, missing)
	}
	return start, ready, nil
}

// message is what an object's conditions say.
func message(object *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	var all []string
	for _, entry := range conditions {
		if condition, ok := entry.(map[string]any); ok {
			all = append(all, fmt.Sprintf("%v=%v: %v", condition["type"], condition["status"], condition["message"]))
		}
	}
	return strings.Join(all, "; ")
}
