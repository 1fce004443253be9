package follow

import (
	"context"
	"fmt"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Now is what all Kustomizations of a cluster and their parts are, each root before what it brought. It fails if the
// Kustomizations cannot be read.
func Now(ctx context.Context, cluster client.Client) ([]Unit, error) {
	w := &walker{now: time.Now(), list: func(k kind) ([]client.Object, error) {
		list, err := cluster.Scheme().New(k.GroupVersion().WithKind(k.Kind + "List"))
		if err != nil {
			return nil, err
		}
		objects, ok := list.(client.ObjectList)
		if !ok {
			return nil, fmt.Errorf("%s is no kind of object", k.Kind)
		}
		if err := cluster.List(ctx, objects); err != nil {
			return nil, fmt.Errorf("listing the cluster's %ss: %w", k.Kind, err)
		}
		var all []client.Object
		err = apimeta.EachListItem(objects, func(item runtime.Object) error {
			if o, ok := item.(client.Object); ok {
				all = append(all, o)
			}
			return nil
		})
		return all, err
	}}
	return w.units(nil, nil)
}
