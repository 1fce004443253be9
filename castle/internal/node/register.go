package node

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// labels are those that Talos gives a control-plane node. kubelet may not set them itself: admission NodeRestriction.
const labels = `{"metadata":{"labels":{` +
	`"node-role.kubernetes.io/control-plane":"","node.kubernetes.io/exclude-from-external-load-balancers":""}}}`

// register waits until kubelet has registered the node, finishes what kubelet may not do, and waits until the node is ready.
// kube-proxy starts in between: before, it would find no node and look again only a second later. Nor does it start before
// there is a network: it is part of that.
func (n *node) register(ctx context.Context) error {
	if err := n.untilNode(ctx, "to register", func(*corev1.Node) bool { return true }); err != nil {
		return err
	}
	_, err := n.client.CoreV1().Nodes().Patch(ctx, Name, types.StrategicMergePatchType, []byte(labels), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("label node %s: %w", Name, err)
	}
	if err := awaitCNI(ctx, cniDir(n.config.Dir)); err != nil {
		return err
	}
	if err := n.kubeProxy(); err != nil {
		return err
	}
	return n.untilNode(ctx, "to be ready", n.isReady)
}

// untilNode waits until the node is there and as is says.
func (n *node) untilNode(ctx context.Context, what string, is func(*corev1.Node) bool) error {
	nodes := cache.NewFilteredListWatchFromClient(n.client.CoreV1().RESTClient(), "nodes", "", func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", Name).String()
	})
	_, err := watchtools.UntilWithSync(ctx, nodes, &corev1.Node{}, nil, func(event watch.Event) (bool, error) {
		object, ok := event.Object.(*corev1.Node)
		return ok && is(object), nil
	})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("wait for node %s %s: %w", Name, what, err)
	}
	return nil
}

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
