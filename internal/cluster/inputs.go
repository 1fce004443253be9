package cluster

import (
	"context"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Input names a Secret or a ConfigMap.
type Input struct {
	Kind string
	types.NamespacedName
}

// String names it as "Secret namespace/name".
func (i Input) String() string { return i.Kind + " " + i.NamespacedName.String() }

// Inputs is a Client that remembers which Secrets and ConfigMaps were read through it, absent ones included, so
// that who is stuck can wait until one of them changes. It is safe for concurrent use.
type Inputs struct {
	Client

	mu   sync.Mutex
	seen map[Input]string // the resource version; "" is absent
}

// NewInputs wraps live.
func NewInputs(live Client) *Inputs { return &Inputs{Client: live, seen: map[Input]string{}} }

// Get implements client.Reader.
func (i *Inputs) Get(ctx context.Context, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
	err := i.Client.Get(ctx, key, object, opts...)
	if err == nil || apierrors.IsNotFound(err) {
		i.remember(key, object, err == nil)
	}
	return err
}

// Create implements client.Writer: what was written by us is no change to wake up from.
func (i *Inputs) Create(ctx context.Context, object client.Object, opts ...client.CreateOption) error {
	err := i.Client.Create(ctx, object, opts...)
	if err == nil {
		i.remember(client.ObjectKeyFromObject(object), object, true)
	}
	return err
}

// Update implements client.Writer.
func (i *Inputs) Update(ctx context.Context, object client.Object, opts ...client.UpdateOption) error {
	err := i.Client.Update(ctx, object, opts...)
	if err == nil {
		i.remember(client.ObjectKeyFromObject(object), object, true)
	}
	return err
}

func (i *Inputs) remember(key client.ObjectKey, object client.Object, present bool) {
	input := Input{NamespacedName: key}
	switch object.(type) {
	case *corev1.Secret:
		input.Kind = "Secret"
	case *corev1.ConfigMap:
		input.Kind = "ConfigMap"
	default:
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.seen[input] = ""
	if present {
		i.seen[input] = object.GetResourceVersion()
	}
}

// Changed waits until one of the inputs is another than it was when it was read last, and names it. It ends with
// ctx; without any input it can only do that. It reads metadata only.
func (i *Inputs) Changed(ctx context.Context) (Input, error) {
	i.mu.Lock()
	seen := maps.Clone(i.seen)
	i.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := make(chan Input, len(seen))
	for input, version := range seen {
		go func() {
			if i.await(ctx, input, version) {
				changed <- input
			}
		}()
	}
	select {
	case input := <-changed:
		return input, nil
	case <-ctx.Done():
		return Input{}, context.Cause(ctx)
	}
}

// await waits until input has another version; false is the end of ctx.
func (i *Inputs) await(ctx context.Context, input Input, version string) bool {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(input.Kind + "List"))
	source := ListWatch(i.Client, list, client.ListOptions{Namespace: input.Namespace, FieldSelector: fields.OneTermEqualSelector("metadata.name", input.Name)})
	_, err := watchtools.UntilWithSync(ctx, source, &metav1.PartialObjectMetadata{},
		func(store cache.Store) (bool, error) {
			now := ""
			for _, object := range store.List() {
				if o, ok := object.(*metav1.PartialObjectMetadata); ok {
					now = o.ResourceVersion
				}
			}
			return now != version, nil
		},
		func(e watch.Event) (bool, error) {
			o, ok := e.Object.(*metav1.PartialObjectMetadata)
			return ok && (e.Type == watch.Deleted || o.ResourceVersion != version), nil
		})
	return err == nil
}
