package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
)

// api asks for objects of one kind in one namespace.
type api interface {
	Get(ctx context.Context, name string) (*unstructured.Unstructured, error)
	// List returns a page of objects, the version they are of, and where the next page begins.
	List(ctx context.Context, options metav1.ListOptions) (page []*unstructured.Unstructured, version, next string, err error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// whole gets whole objects.
type whole struct{ dynamic.ResourceInterface }

func (w whole) Get(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	return w.ResourceInterface.Get(ctx, name, metav1.GetOptions{})
}

func (w whole) List(ctx context.Context, options metav1.ListOptions) ([]*unstructured.Unstructured, string, string, error) {
	list, err := w.ResourceInterface.List(ctx, options)
	if err != nil {
		return nil, "", "", err
	}
	page := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		page[i] = &list.Items[i]
	}
	return page, list.GetResourceVersion(), list.GetContinue(), nil
}

// outline gets an object's metadata only: the values of a Secret never enter this process.
type outline struct{ metadata.ResourceInterface }

func (o outline) Get(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	partial, err := o.ResourceInterface.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return object(partial), nil
}

func (o outline) List(ctx context.Context, options metav1.ListOptions) ([]*unstructured.Unstructured, string, string, error) {
	list, err := o.ResourceInterface.List(ctx, options)
	if err != nil {
		return nil, "", "", err
	}
	page := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		page[i] = object(&list.Items[i])
	}
	return page, list.GetResourceVersion(), list.GetContinue(), nil
}

// object is what either client has decoded; nil if it is neither.
func object(o runtime.Object) *unstructured.Unstructured {
	switch o := o.(type) {
	case *unstructured.Unstructured:
		return o
	case *metav1.PartialObjectMetadata:
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err == nil {
			return &unstructured.Unstructured{Object: content}
		}
	}
	return nil
}

// api chooses how to ask for the follower's object.
func (f *Follower) api() api {
	namespace := ""
	if f.resource.Namespaced {
		namespace = f.namespace()
	}
	if f.outlined() {
		return outline{f.Client.metadata.Resource(f.resource.GroupVersionResource).Namespace(namespace)}
	}
	return whole{f.Client.objects.Resource(f.resource.GroupVersionResource).Namespace(namespace)}
}
