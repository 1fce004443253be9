package nudge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

// sourceController selects the Deployments of source-controller in Flux' own manifests.
var sourceController = labels.SelectorFromSet(labels.Set{"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": "source-controller"})

// watcher keeps what is judged of the Kustomizations and of source-controller.
type watcher struct {
	changed                     chan struct{} // takes one; who reads it looks at everything
	kustomizations, deployments cache.Store
	running                     sync.WaitGroup
}

// newWatcher watches until ctx ends.
func newWatcher(ctx context.Context, live client.WithWatch, namespace string) *watcher {
	w := &watcher{changed: make(chan struct{}, 1)}
	w.kustomizations = w.watch(ctx, &kustomizev1.Kustomization{}, cluster.ListWatch(live, &kustomizev1.KustomizationList{}, client.ListOptions{}))
	w.deployments = w.watch(ctx, &appsv1.Deployment{}, cluster.ListWatch(live, &appsv1.DeploymentList{},
		client.ListOptions{Namespace: namespace, LabelSelector: sourceController}))
	return w
}

func (w *watcher) watch(ctx context.Context, object client.Object, list *cache.ListWatch) cache.Store {
	poke := func() {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: list, ObjectType: object, Transform: strip,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { poke() }, UpdateFunc: func(any, any) { poke() }, DeleteFunc: func(any) { poke() },
		},
	})
	w.running.Go(func() { informer.RunWithContext(ctx) })
	return store
}

// strip keeps of an object what is judged: inventories and histories are most of a Kustomization.
func strip(object any) (any, error) {
	switch o := object.(type) {
	case *kustomizev1.Kustomization:
		k := &kustomizev1.Kustomization{ObjectMeta: o.ObjectMeta, Status: o.Status}
		k.ManagedFields, k.Status.Inventory, k.Status.History = nil, nil, nil
		k.Spec.DependsOn, k.Spec.SourceRef, k.Spec.Suspend = o.Spec.DependsOn, o.Spec.SourceRef, o.Spec.Suspend
		return k, nil
	case *appsv1.Deployment:
		return &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, UID: o.UID, Generation: o.Generation, ResourceVersion: o.ResourceVersion},
			Status:     appsv1.DeploymentStatus{Conditions: o.Status.Conditions, ObservedGeneration: o.Status.ObservedGeneration},
		}, nil
	}
	return object, nil
}

// state is what is known at one moment.
type state struct {
	roots             []types.NamespacedName
	live              map[types.NamespacedName]*kustomizev1.Kustomization
	sourceControllers []*appsv1.Deployment
	reader            client.Reader
	sources           map[source]revisionOf // those that were read
}

// revisionOf is what was read of a source.
type revisionOf struct {
	revision string
	err      error
}

func (w *watcher) state(roots []types.NamespacedName, reader client.Reader) *state {
	s := &state{roots: roots, live: map[types.NamespacedName]*kustomizev1.Kustomization{}, reader: reader, sources: map[source]revisionOf{}}
	for _, object := range w.kustomizations.List() {
		if k, ok := object.(*kustomizev1.Kustomization); ok {
			s.live[client.ObjectKeyFromObject(k)] = k
		}
	}
	for _, object := range w.deployments.List() {
		if d, ok := object.(*appsv1.Deployment); ok {
			s.sourceControllers = append(s.sourceControllers, d)
		}
	}
	slices.SortFunc(s.sourceControllers, func(a, b *appsv1.Deployment) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// tree are the Kustomizations that roots brought, and these themselves. Their owner labels say so, before any inventory does.
func (s *state) tree() []*kustomizev1.Kustomization {
	var tree []*kustomizev1.Kustomization
	for _, key := range slices.SortedFunc(maps.Keys(s.live), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }) {
		k := s.live[key]
		for range s.live { // no way up is longer
			if slices.Contains(s.roots, key) {
				tree = append(tree, k)
				break
			}
			owner := s.live[key]
			if owner == nil {
				break
			}
			group := kustomizev1.GroupVersion.Group
			key = types.NamespacedName{Namespace: owner.Labels[group+"/namespace"], Name: owner.Labels[group+"/name"]}
		}
	}
	return tree
}

// current tells whether revision, if it matters, is the one that k's source has now.
func (s *state) current(ctx context.Context, k *kustomizev1.Kustomization, revision string) (bool, error) {
	if revision == "" {
		return true, nil
	}
	of := sourceOf(k)
	if _, known := s.sources[of]; !known {
		has, err := s.read(ctx, of)
		s.sources[of] = revisionOf{has, err}
	}
	return s.sources[of].revision == revision, s.sources[of].err
}

// read is the revision of the source's artifact, "" if it has none.
func (s *state) read(ctx context.Context, of source) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(sourcev1.GroupVersion.WithKind(of.kind))
	if err := s.reader.Get(ctx, of.key, object); err != nil {
		return "", fmt.Errorf("reading the revision of %s %s: %w", of.kind, of.key, err)
	}
	revision, _, err := unstructured.NestedString(object.Object, "status", "artifact", "revision")
	return revision, err
}
