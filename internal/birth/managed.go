package birth

import (
	"context"
	"fmt"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// partOfFlux is the label that every way of installing Flux puts on its controllers.
const partOfFlux = "app.kubernetes.io/part-of"

// manager names who else installed Flux in this cluster: "" for nobody, and for seed itself, which leaves the
// marks of Flux's own hand. What somebody else manages must not be applied again, let alone downgraded.
func (b *Birth) manager(ctx context.Context) (string, error) {
	deployments := &metav1.PartialObjectMetadataList{}
	deployments.SetGroupVersionKind(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DeploymentList"})
	if err := b.Cluster.List(ctx, deployments, client.MatchingLabels{partOfFlux: "flux"}); err != nil {
		return "", fmt.Errorf("looking for a Flux that is installed already: %w", err)
	}
	for _, d := range deployments.Items {
		if d.Labels[kustomizev1.GroupVersion.Group+"/name"] != "" {
			continue // Flux's own, or what seed applied in its name
		}
		where := fmt.Sprintf("Deployment %s/%s", d.Namespace, d.Name)
		switch by := d.Labels["app.kubernetes.io/managed-by"]; by {
		case "", "flux": // the CLI says it by its field manager only
		default: // Helm, flux-operator
			return by + " (" + where + ")", nil
		}
		for _, entry := range d.ManagedFields {
			if entry.Manager == "flux" {
				return "the flux CLI (" + where + ")", nil
			}
		}
	}
	return "", nil
}

// leftovers finds what an earlier life of the cluster left in its dying: what is created there now is lost, so
// it is waited for.
func (b *Birth) leftovers(ctx context.Context) error {
	var namespace corev1.Namespace
	key := types.NamespacedName{Name: b.Bundle.Root.Namespace}
	if err := b.Cluster.Get(ctx, key, &namespace); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("reading the Namespace %s: %w", key.Name, err)
	}
	if namespace.DeletionTimestamp == nil {
		return nil
	}
	var why []string
	for _, condition := range namespace.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			why = append(why, condition.Message)
		}
	}
	return fmt.Errorf("the Namespace %s is being deleted, and seed waits until it is gone: %s (a finalizer that nobody serves any more must be removed from its object by hand)",
		key.Name, strings.Join(why, "; "))
}
