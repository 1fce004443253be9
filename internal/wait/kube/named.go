package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tazlab/seed/internal/wait/target"
)

// named is one object with a name.
type named struct {
	f   *Follower
	api api
	now target.State
}

func newNamed(f *Follower) view { return &named{f: f, api: f.api()} }

func (n *named) look(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	o, err := n.api.Get(ctx, n.f.Object.Name)
	switch {
	case absent(err, n.f.Object.Name):
		n.decide(nil)
		return "", nil
	case apierrors.IsNotFound(err):
		return "", notServed{fmt.Sprintf("the API server does not serve %s (yet)", n.f.resource.GroupVersionResource.String())}
	case err != nil:
		return "", err
	}
	n.decide(o)
	return o.GetResourceVersion(), nil
}

// absent tells whether err says that the object is not there; a path that nobody serves is NotFound too, without a name.
func absent(err error, name string) bool {
	status, ok := err.(apierrors.APIStatus)
	return ok && apierrors.IsNotFound(err) && status.Status().Details != nil && status.Status().Details.Name == name
}

// watch needs the right to watch this one name only: RBAC takes an exact selector of metadata.name for the name. From a
// version "" on, a watch begins with what is there.
func (n *named) watch(ctx context.Context, version string) (watch.Interface, error) {
	return n.api.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", n.f.Object.Name).String(),
		ResourceVersion: version,
	})
}

// take passes over events about other objects: not every aggregated API server knows field selectors.
func (n *named) take(e watch.Event) {
	o := object(e.Object)
	switch {
	case o == nil || o.GetName() != n.f.Object.Name:
	case e.Type == watch.Deleted:
		n.decide(nil)
	default:
		n.decide(o)
	}
}

func (n *named) state() target.State { return n.now }

func (n *named) decide(o *unstructured.Unstructured) {
	if n.f.Object.Check.Word != target.Deleted {
		n.now = decide(n.f.Object.Check, n.f.resource, o)
		if o == nil {
			n.now.Why += " (no " + n.f.what() + ")"
		}
		return
	}
	if o == nil {
		n.now = target.State{Met: true, Why: "it is not there"}
		return
	}
	if n.f.first == "" {
		n.f.first = o.GetUID()
	}
	n.now = target.State{Why: "it is still there" + deletion(o)}
	if o.GetUID() != n.f.first {
		n.now = target.State{Met: true, Why: "it was deleted; there is another one of that name"}
	}
}
