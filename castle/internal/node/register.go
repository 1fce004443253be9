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
// kube-proxy starts in between: before, it would find no node and look again only a second later.
func (n *node) register(ctx context.Context) error {
	nodes := cache.NewFilteredListWatchFromClient(n.client.CoreV1().RESTClient(), "nodes", "", func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", Name).String()
	})
	registered := false
	_, err := watchtools.UntilWithSync(ctx, nodes, &corev1.Node{}, nil, func(event watch.Event) (bool, error) {
		object, ok := event.Object.(*corev1.Node)
		if !ok {
			return false, nil
		}
		if !registered {
			registered = true
			_, err := n.client.CoreV1().Nodes().Patch(ctx, Name, types.StrategicMergePatchType, []byte(labels), metav1.PatchOptions{})
			if err != nil {
				return false, fmt.Errorf("label node %s: %w", Name, err)
			}
			if err := n.kubeProxy(); err != nil {
				return false, err
			}
		}
		return n.isReady(object), nil
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("wait for node %s to be ready: %w", Name, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("wait for node %s to be ready: %w", Name, err)
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
