package kube

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Pod is who waits.
type Pod struct{ Name, UID string }

// maxEvent is how long the message of an Event may be, in bytes (validation of core/v1 Events in Kubernetes).
const maxEvent = 1024

// Event writes an Event about the Pod, where "kubectl describe pod" shows it. Kind is Normal or Warning.
func (c *Client) Event(ctx context.Context, pod Pod, kind, reason, message string) error {
	now := time.Now()
	if len(message) > maxEvent {
		message = strings.ToValidUTF8(message[:maxEvent-3], "") + "..." // it may be cut in the middle of a letter
	}
	stamp := now.UTC().Format(time.RFC3339)
	event := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata":       map[string]any{"name": fmt.Sprintf("%s.%x", pod.Name, now.UnixNano()), "namespace": c.Home},
		"involvedObject": map[string]any{"apiVersion": "v1", "kind": "Pod", "namespace": c.Home, "name": pod.Name, "uid": pod.UID},
		"type":           kind, "reason": reason, "message": message,
		"firstTimestamp": stamp, "lastTimestamp": stamp, "count": int64(1),
		"source": map[string]any{"component": "waitfor"},
	}}
	events := schema.GroupVersionResource{Version: "v1", Resource: "events"}
	if _, err := c.objects.Resource(events).Namespace(c.Home).Create(ctx, event, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("writing an Event about Pod %s/%s: %w", c.Home, pod.Name, err)
	}
	return nil
}
