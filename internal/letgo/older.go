package letgo

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/set"
)

var (
	job       = schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}
	configMap = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	// kinds are those that a set brings. The ConfigMap goes last: it tells how old the set is, also after a crash.
	kinds = []schema.GroupVersionKind{
		job,
		{Version: "v1", Kind: "Secret"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"},
		configMap,
	}
)

// RemoveOlderJobs deletes the Jobs, and with them the Pods, of sets older than own, and names them.
func RemoveOlderJobs(ctx context.Context, live client.Client, own set.Set) (removed []string, err error) {
	return remove(ctx, live, own, job)
}

// RemoveOlder deletes every object of sets older than own, and names them. What all sets share has no set's label.
func RemoveOlder(ctx context.Context, live client.Client, own set.Set) (removed []string, err error) {
	return remove(ctx, live, own, kinds...)
}

func remove(ctx context.Context, live client.Client, own set.Set, kinds ...schema.GroupVersionKind) (removed []string, err error) {
	objects, err := older(ctx, live, own, kinds)
	if err != nil {
		return nil, fmt.Errorf("looking for sets older than %s: %w", own, err)
	}
	for _, o := range objects {
		// Only the one that was looked at: the manifest of an older set may have been applied again.
		err := live.Delete(ctx, &o, client.Preconditions{UID: &o.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil {
			return removed, fmt.Errorf("removing the %s %s of an older set: %w", o.Kind, o.Name, err)
		}
		removed = append(removed, o.Kind+" "+o.Name)
	}
	return removed, nil
}

// older lists the objects of sets that came before own, by the creation of their ConfigMaps. A set without one is as old as
// the youngest of its objects: it may have lost its ConfigMap, or may be just about to get it.
func older(ctx context.Context, live client.Client, own set.Set, kinds []schema.GroupVersionKind) ([]metav1.PartialObjectMetadata, error) {
	var all []metav1.PartialObjectMetadata
	for _, kind := range kinds {
		some, err := list(ctx, live, kind)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	configs, err := list(ctx, live, configMap) // after the objects: what came in between has its ConfigMap
	if err != nil {
		return nil, err
	}
	born := map[set.Set]time.Time{}
	for _, c := range configs {
		born[of(&c)] = c.CreationTimestamp.Time
	}
	mine, known := born[own]
	if !known {
		return nil, fmt.Errorf("the ConfigMap %s/%s is gone, which tells how old the set is: render and apply the inline manifest anew", set.Namespace, own.Name())
	}
	orphans := map[set.Set]time.Time{}
	for _, o := range all {
		if _, known := born[of(&o)]; !known && o.CreationTimestamp.After(orphans[of(&o)]) {
			orphans[of(&o)] = o.CreationTimestamp.Time
		}
	}
	before := func(other set.Set) bool {
		at, known := born[other]
		if !known {
			at = orphans[other]
		}
		return at.Before(mine) || at.Equal(mine) && other < own
	}
	var found []metav1.PartialObjectMetadata
	for _, o := range all {
		if before(of(&o)) {
			found = append(found, o)
		}
	}
	return found, nil
}

// list returns the objects of one kind that sets brought: they have the label and a name that ends with the set.
func list(ctx context.Context, live client.Client, kind schema.GroupVersionKind) ([]metav1.PartialObjectMetadata, error) {
	objects := &metav1.PartialObjectMetadataList{}
	objects.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	options := []client.ListOption{client.HasLabels{set.Label}}
	if kind.Kind != "ClusterRoleBinding" {
		options = append(options, client.InNamespace(set.Namespace))
	}
	if err := live.List(ctx, objects, options...); err != nil {
		return nil, fmt.Errorf("listing every %s with the label %s: %w", kind.Kind, set.Label, err)
	}
	var found []metav1.PartialObjectMetadata
	for _, o := range objects.Items {
		o.SetGroupVersionKind(kind)
		if of(&o) != "" && strings.HasSuffix(o.Name, "-"+string(of(&o))) {
			found = append(found, o)
		}
	}
	return found, nil
}

func of(o *metav1.PartialObjectMetadata) set.Set { return set.Set(o.Labels[set.Label]) }
