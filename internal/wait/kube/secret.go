package kube

import (
	"context"
	"encoding/base64"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/wait/target"
)

// SecretValue reads one value of a Secret.
func (c *Client) SecretValue(ctx context.Context, key target.SecretKey) (secret.String, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	namespace := key.Namespace
	if namespace == "" {
		namespace = c.Namespace
	}
	secrets := c.objects.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(namespace)
	o, err := secrets.Get(ctx, key.Name, metav1.GetOptions{})
	if err != nil {
		return secret.String{}, fmt.Errorf("reading the Secret %s/%s: %w", namespace, key.Name, err)
	}
	text, _, _ := unstructured.NestedString(o.Object, "data", key.Key)
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(value) == 0 {
		return secret.String{}, fmt.Errorf("the Secret %s/%s has no value for the key %s", namespace, key.Name, key.Key)
	}
	return secret.New(string(value)), nil
}
