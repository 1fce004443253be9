package follow

import (
	"context"
	"slices"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

// partOfFlux selects what Flux' own manifests bring.
var partOfFlux = labels.SelectorFromSet(labels.Set{"app.kubernetes.io/part-of": "flux"})

// alive leaves out the Pods that have ended: a cluster may keep thousands of them.
var alive = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)), fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)))

// watcher keeps what is judged of Flux' Deployments and Pods, and nothing else of them.
type watcher struct {
	changed chan struct{} // takes one; who reads it looks at everything
	stores  [2]cache.Store
	running sync.WaitGroup
}

// newWatcher is there when everything that is in the cluster at first is in the stores. It runs until ctx ends.
func newWatcher(ctx context.Context, live client.WithWatch, namespace string) (*watcher, error) {
	w := &watcher{changed: make(chan struct{}, 1)}
	var synced []cache.InformerSynced
	for i, list := range []*cache.ListWatch{
		cluster.ListWatch(live, &appsv1.DeploymentList{}, client.ListOptions{Namespace: namespace, LabelSelector: partOfFlux}),
		cluster.ListWatch(live, &corev1.PodList{}, client.ListOptions{Namespace: namespace, LabelSelector: partOfFlux, FieldSelector: alive}),
	} {
		poke := func() {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
		store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
			ListerWatcher: list, ObjectType: []client.Object{&appsv1.Deployment{}, &corev1.Pod{}}[i], Transform: strip,
			Handler: cache.ResourceEventHandlerFuncs{
				AddFunc: func(any) { poke() }, UpdateFunc: func(any, any) { poke() }, DeleteFunc: func(any) { poke() },
			},
		})
		w.stores[i], synced = store, append(synced, informer.HasSynced)
		w.running.Go(func() { informer.RunWithContext(ctx) })
	}
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return w, context.Cause(ctx)
	}
	return w, nil
}

// wait waits until everything has ended.
func (w *watcher) wait() { w.running.Wait() }

func (w *watcher) deployments() []*appsv1.Deployment { return objects[*appsv1.Deployment](w.stores[0]) }

func (w *watcher) pods() []*corev1.Pod { return objects[*corev1.Pod](w.stores[1]) }

func objects[T client.Object](store cache.Store) []T {
	var all []T
	for _, object := range store.List() {
		if o, ok := object.(T); ok {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all
}

// strip keeps of a Deployment or a Pod what is judged.
func strip(object any) (any, error) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &appsv1.Deployment{
			ObjectMeta: identity(o.ObjectMeta), Spec: appsv1.DeploymentSpec{Selector: o.Spec.Selector},
			Status: appsv1.DeploymentStatus{Conditions: o.Status.Conditions},
		}, nil
	case *corev1.Pod:
		return &corev1.Pod{
			ObjectMeta: identity(o.ObjectMeta), Spec: corev1.PodSpec{Tolerations: o.Spec.Tolerations},
			Status: corev1.PodStatus{
				Conditions: o.Status.Conditions, InitContainerStatuses: o.Status.InitContainerStatuses, ContainerStatuses: o.Status.ContainerStatuses,
			},
		}, nil
	}
	return object, nil
}

func identity(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, Labels: m.Labels,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp,
	}
}
