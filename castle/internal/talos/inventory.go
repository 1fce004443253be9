package talos

import (
	"context"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/object"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// InventoryName is the ConfigMap in kube-system in which Talos from 1.13 remembers what it applied: its keys refer to objects.
	InventoryName = "talos-bootstrap-manifests-inventory"
	// owner is the annotation on an object that names its inventory.
	owner = "config.k8s.io/owning-inventory"
)

// own marks an object as the inventory's, unless it is another one's.
func own(o *unstructured.Unstructured) error {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	if other, is := annotations[owner]; is && other != InventoryName {
		return collected{fmt.Errorf("its annotation %s names another inventory: %s", owner, other)}
	}
	annotations[owner] = InventoryName
	o.SetAnnotations(annotations)
	return nil
}

// readInventory returns what is listed, and makes an empty inventory if there is none.
func (a *Applier) readInventory(ctx context.Context) (object.ObjMetadataSet, error) {
	maps := a.core.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	found, err := maps.Get(ctx, InventoryName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		found, err = maps.Create(ctx, inventoryOf(nil), metav1.CreateOptions{})
	}
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	var listed object.ObjMetadataSet
	for key := range found.Data {
		reference, err := object.ParseObjMetadata(key)
		if err != nil {
			return nil, fmt.Errorf("read the inventory: %w", err)
		}
		listed = append(listed, reference)
	}
	return listed, nil
}

func (a *Applier) writeInventory(ctx context.Context, listed object.ObjMetadataSet) error {
	_, err := a.core.CoreV1().ConfigMaps(metav1.NamespaceSystem).Update(ctx, inventoryOf(listed), metav1.UpdateOptions{})
	if err != nil {
		return fmt.Errorf("write the inventory: %w", err)
	}
	return nil
}

func inventoryOf(listed object.ObjMetadataSet) *corev1.ConfigMap {
	inventory := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: InventoryName}, Data: map[string]string{}}
	for _, reference := range listed {
		inventory.Data[reference.String()] = ""
	}
	return inventory
}
