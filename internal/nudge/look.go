package nudge

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// seen is what was found in an object, at one version of it.
type seen[T any] struct {
	version string
	facts   T
}

// look finds the facts in an object of which only the metadata is watched. It is read once for each of its versions, and not
// kept.
func look[T any](ctx context.Context, s *state, memory map[types.UID]seen[T], kind schema.GroupVersionKind, of client.Object, find func(*unstructured.Unstructured) T) (T, error) {
	if known := memory[of.GetUID()]; known.version == of.GetResourceVersion() {
		return known.facts, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	var nothing T
	err := s.client.Get(ctx, client.ObjectKeyFromObject(of), object)
	switch {
	case apierrors.IsNotFound(err):
		return nothing, nil
	case apierrors.IsForbidden(err):
		memory[of.GetUID()] = seen[T]{of.GetResourceVersion(), nothing} // told once
	}
	if err != nil {
		return nothing, fmt.Errorf("reading %s %s: %w", kind.Kind, of.GetName(), err)
	}
	facts := find(object)
	memory[of.GetUID()] = seen[T]{object.GetResourceVersion(), facts}
	return facts, nil
}

// written is when object was written last, in whole seconds.
func written(object client.Object) time.Time {
	last := object.GetCreationTimestamp().Time
	for _, entry := range object.GetManagedFields() {
		if entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
