package follow

import (
	"github.com/fluxcd/cli-utils/pkg/object"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/types"
)

// children are the Kustomizations in the inventory of k. An entry that cannot be read names an object
// that kustomize-controller wrote itself; none has been seen.
func children(k *kustomizev1.Kustomization) []types.NamespacedName {
	if k.Status.Inventory == nil {
		return nil
	}
	var keys []types.NamespacedName
	for _, entry := range k.Status.Inventory.Entries {
		id, err := object.ParseObjMetadata(entry.ID)
		if err == nil && id.GroupKind.Group == kustomizev1.GroupVersion.Group && id.GroupKind.Kind == kustomizev1.KustomizationKind {
			keys = append(keys, types.NamespacedName{Namespace: id.Namespace, Name: id.Name})
		}
	}
	return keys
}
