package kube

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/wait/access"
	"github.com/tazlab/seed/internal/wait/target"
)

// Bringer says how the object does that should bring a Secret, an ExternalSecret or a PostgresCluster, where it may be
// read; else it is "".
func (c *Client) Bringer(ctx context.Context, o *target.Object) string {
	var said []string
	for _, bringer := range access.Bringers(o) {
		key := bringer.Kind + "/" + bringer.Namespace + "/" + bringer.Name
		if _, silent := c.silent.Load(key); silent {
			continue
		}
		text, err := c.bringer(ctx, bringer)
		switch {
		case err == nil:
			said = append(said, text)
		case apierrors.IsForbidden(err):
			c.silent.Store(key, true) // it will not be asked for again: refusals fill audit logs
		}
	}
	return strings.Join(said, "; ")
}

func (c *Client) bringer(ctx context.Context, o *target.Object) (string, error) {
	resource, err := c.resolve(ctx, o)
	if err != nil {
		return "", err
	}
	f := Follower{Client: c, Object: o}
	name := resource.Kind + " " + f.namespace() + "/" + o.Name
	got, err := c.objects.Resource(resource.GroupVersionResource).Namespace(f.namespace()).Get(ctx, o.Name, metav1.GetOptions{})
	if absent(err, o.Name) {
		return "there is no " + name, nil
	}
	if err != nil {
		return "", err
	}
	return name + ": " + conditions(got), nil
}

// conditions names those that are not True, with why.
func conditions(o *unstructured.Unstructured) string {
	list, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil || len(list) == 0 {
		return "it has no conditions yet"
	}
	var all []string
	for _, entry := range list {
		c, ok := entry.(map[string]any)
		if ok && c["status"] != "True" {
			all = append(all, fmt.Sprintf("%v is %v (%v: %v)", c["type"], c["status"], c["reason"], c["message"]))
		}
	}
	if len(all) == 0 {
		return "all its conditions are True"
	}
	return strings.Join(all, ", ")
}
