package talos

import (
	"context"
	"fmt"
	"maps"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// inventoryName is the ConfigMap in kube-system in which Talos from 1.13 remembers what it applied.
const inventoryName = "talos-bootstrap-manifests-inventory"

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// reference names an object in the inventory. A ConfigMap's key takes no colon, which RBAC names have.
func reference(object *unstructured.Unstructured) string {
	name := strings.ReplaceAll(object.GetName(), ":", "__")
	return strings.Join([]string{object.GetNamespace(), name, object.GroupVersionKind().Group, object.GetKind()}, "_")
}

// readInventory returns what is listed; nothing with the older semantics.
func (a *Applier) readInventory(ctx context.Context) (map[string]string, error) {
	inventory := map[string]string{}
	if a.semantics != Inventory {
		return inventory, nil
	}
	found, err := a.client.Resource(configMaps).Namespace(metav1.NamespaceSystem).Get(ctx, inventoryName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return inventory, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	data, _, err := unstructured.NestedStringMap(found.Object, "data")
	maps.Copy(inventory, data)
	return inventory, err
}

func (a *Applier) writeInventory(ctx context.Context, inventory map[string]string) error {
	if a.semantics != Inventory {
		return nil
	}
	object := &unstructured.Unstructured{}
	object.SetAPIVersion("v1")
	object.SetKind("ConfigMap")
	object.SetNamespace(metav1.NamespaceSystem)
	object.SetName(inventoryName)
	if err := unstructured.SetNestedStringMap(object.Object, inventory, "data"); err != nil {
		return err
	}
	_, err := a.client.Resource(configMaps).Namespace(metav1.NamespaceSystem).Apply(ctx, inventoryName, object,
		metav1.ApplyOptions{FieldManager: "talos", Force: true})
	if err != nil {
		return fmt.Errorf("write the inventory: %w", err)
	}
	return nil
}
