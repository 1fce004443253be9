package benchfollow

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/stock"
)

// remove takes a generated tree away, so that the next one finds the node as this one did: Flux prunes it.
func remove(ctx context.Context, c *life.Castle, t tree) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	client, err := newClient(c)
	if err != nil {
		return err
	}
	here := client.Resource(kustomizations).Namespace(stock.Namespace)
	if err := here.Delete(ctx, t.root.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove the tree %s: %w", t.name, err)
	}
	what := []dynamic.ResourceInterface{here}
	for _, kind := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "pods"}, {Group: "apps", Version: "v1", Resource: "deployments"},
	} {
		what = append(what, client.Resource(kind).Namespace(namespace))
	}
	for i, objects := range what {
		options := metav1.ListOptions{LabelSelector: partOf + "=bench"}
		if i == 0 {
			options.LabelSelector = ""
		}
		if err := gone(ctx, objects, options); err != nil {
			return fmt.Errorf("remove the tree %s: %w", t.name, err)
		}
	}
	if err := client.Resource(gitRepositories).Namespace(stock.Namespace).Delete(ctx, t.source.GetName(), metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("remove the source of the tree %s: %w", t.name, err)
	}
	return gone(ctx, client.Resource(gitRepositories).Namespace(stock.Namespace), metav1.ListOptions{})
}

// gone waits until there is none.
func gone(ctx context.Context, objects dynamic.ResourceInterface, o metav1.ListOptions) error {
	var left []string
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		list, err := objects.List(ctx, o)
		if err != nil {
			return false, err
		}
		left = nil
		for _, item := range list.Items {
			left = append(left, item.GetKind()+" "+item.GetName())
		}
		return len(left) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("%w; still there: %v", err, left)
	}
	return nil
}
