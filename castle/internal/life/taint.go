package life

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// fluxSystem is the namespace of Flux, and the name of the root.
const fluxSystem = "flux-system"

var kustomizations = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}

// upTainted follows until all stands that can without a worker, and shows what is there and what is not. seed's Job goes on: it
// follows until the tree stands.
func (c *Castle) upTainted(ctx context.Context) error {
	if err := c.FollowFlux(ctx); err != nil {
		return err
	}
	table, err := c.Timeline(ctx)
	if err != nil {
		return err
	}
	missing, err := c.Unscheduled(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.screen, "\n%s\nFlux runs, and the root is Ready; not there, as it was asked for (--taint), is what needs a worker:\n%s", table, missing)
	return nil
}

// FollowFlux shows how the tree comes up and returns when Flux runs, the root is Ready, and the scheduler has looked at a Pod of the tree that
// no node takes: more there cannot be while the one node keeps its taint.
func (c *Castle) FollowFlux(ctx context.Context) error {
	return c.showing(ctx, func(ctx context.Context, _ *kubernetes.Clientset) error {
		var last error
		err := wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			last = c.fluxStands(ctx)
			return last == nil, nil
		})
		return errors.Join(err, last)
	})
}

// units are the Kustomizations of the tree.
func (c *Castle) units() (dynamic.ResourceInterface, error) {
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client.Resource(kustomizations).Namespace(fluxSystem), nil
}

func (c *Castle) fluxStands(ctx context.Context) error {
	units, err := c.units()
	if err != nil {
		return err
	}
	for _, name := range []string{"flux", fluxSystem} {
		object, err := units.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("look for Kustomization %s: %w", name, err)
		}
		if !Ready(object) {
			return fmt.Errorf("Kustomization %s is not Ready", name)
		}
	}
	missing, err := c.Unscheduled(ctx)
	if err == nil && missing == "" {
		return errors.New("no Pod of the tree was refused by the scheduler yet")
	}
	return err
}

// Ready tells whether an object has the condition Ready.
func Ready(object *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, entry := range conditions {
		if condition, ok := entry.(map[string]any); ok && condition["type"] == "Ready" {
			return condition["status"] == string(metav1.ConditionTrue)
		}
	}
	return false
}

// Unscheduled says of each Pod that no node takes why not, as the scheduler does.
func (c *Castle) Unscheduled(ctx context.Context) (string, error) {
	client, err := c.client()
	if err != nil {
		return "", err
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Pending"})
	if err != nil {
		return "", fmt.Errorf("look for Pods that no node takes: %w", err)
	}
	var all strings.Builder
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				fmt.Fprintf(&all, "  Pod %s/%s: %s\n", pod.Namespace, pod.Name, condition.Message)
			}
		}
	}
	return all.String(), nil
}
