package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ListWatch lists and watches objects like those of list.
func ListWatch(live client.WithWatch, list client.ObjectList, options client.ListOptions) *cache.ListWatch {
	of := func(o metav1.ListOptions) *client.ListOptions {
		options := options
		options.Raw = &o
		return &options
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, _ := list.DeepCopyObject().(client.ObjectList)
			return list, live.List(ctx, list, of(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return live.Watch(ctx, list, of(o))
		},
	}
}
