package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Restart ends the node in dir, if it runs, and starts it again on what it keeps: the data of etcd, containerd and kubelet, keys
// and certificates, /etc, /opt and /var, its logs, and the addresses of its doors. All else is as after a boot: processes,
// namespaces, /run, the uptime, the events. It returns when the node has reached its goal, or with why not, as Start does. The
// Handle that Start returned ends. onEvent is as Config.OnEvent.
func Restart(ctx context.Context, dir string, onEvent func(Event)) (*Handle, error) {
	state, err := readState(dir)
	if err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	c.OnEvent = onEvent
	for i, door := range c.Doors {
		c.Doors[i].HostAddr = state.Doors[door.Name] // where kubeconfigs lead to
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	if err := halt(ctx, c.Dir); err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	if err := errors.Join(os.RemoveAll(eventsPath(c.Dir)), os.RemoveAll(controllersPath(c.Dir))); err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	listeners, fresh, err := openDoors(c.Doors)
	if err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	defer closeAll(listeners)
	return launch(ctx, c, fresh, listeners)
}

// isReady tells whether kubelet has said so since the boot: what the kubelet before it said is still there after a restart.
func (n *node) isReady(object *corev1.Node) bool {
	return isReady(object) && slices.ContainsFunc(object.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.LastHeartbeatTime.After(n.events.began)
	})
}
