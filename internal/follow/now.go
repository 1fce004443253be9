package follow

import (
	"context"
	"fmt"
	"slices"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Now is what all Kustomizations of a cluster are, each root before what it brought.
func Now(ctx context.Context, cluster client.Reader) ([]Unit, error) {
	var list kustomizev1.KustomizationList
	if err := cluster.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("listing the cluster's Kustomizations: %w", err)
	}
	f := &follower{live: map[types.NamespacedName]*kustomizev1.Kustomization{}, seen: map[types.NamespacedName]Unit{}}
	brought := map[types.NamespacedName]bool{}
	var all []types.NamespacedName
	for i := range list.Items {
		k := &list.Items[i]
		key := client.ObjectKeyFromObject(k)
		f.live[key] = k
		all = append(all, key)
		for _, child := range children(k) {
			brought[child] = brought[child] || child != key // a root holds itself
		}
	}
	var units []Unit
	walked := map[types.NamespacedName]bool{}
	walk := func(root types.NamespacedName) {
		f.root = root
		for _, u := range f.units() {
			if !walked[u.Key] {
				walked[u.Key] = true
				units = append(units, u)
			}
		}
	}
	for _, key := range slices.DeleteFunc(slices.Clone(all), func(key types.NamespacedName) bool { return brought[key] }) {
		walk(key)
	}
	for _, key := range all { // of those that bring each other none is a root
		if !walked[key] {
			walk(key)
		}
	}
	return units, nil
}
