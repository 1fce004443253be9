package claim

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/failure"
)

// fieldOwner is the field manager of what seed itself owns; objects of Flux are never written with it.
const fieldOwner = client.FieldOwner("seed")

// ours tells whether seed made the Secret and nobody else has written to it since.
func ours(s *corev1.Secret) bool {
	for _, entry := range s.ManagedFields {
		if entry.Manager != string(fieldOwner) {
			return false
		}
	}
	return len(s.ManagedFields) > 0
}

// create makes the Secret, and its namespace bare if it is missing. Losing a race against another run is
// no error: its Secret is as good. It sets no owner: the ExternalSecret is not there yet, and External
// Secrets Operator takes a Secret over that has none.
func (c *Claimer) create(ctx context.Context, wanted *corev1.Secret) (bool, error) {
	if err := c.namespace(ctx, wanted.Namespace); err != nil {
		return false, fmt.Errorf("creating the Namespace %s: %w", wanted.Namespace, err)
	}
	if err := c.cluster.Create(ctx, wanted, fieldOwner); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return false, nil
		}
		return false, fmt.Errorf("creating the Secret %s: %w", client.ObjectKeyFromObject(wanted), notAsItIs(err))
	}
	return true, nil
}

// renew brings a Secret of seed's own up to date; its type can never change.
func (c *Claimer) renew(ctx context.Context, existing, wanted *corev1.Secret) (bool, error) {
	existing.Data, existing.Labels, existing.Annotations = wanted.Data, wanted.Labels, wanted.Annotations
	if err := c.cluster.Update(ctx, existing, fieldOwner); err != nil {
		return false, fmt.Errorf("renewing the Secret %s: %w", client.ObjectKeyFromObject(existing), notAsItIs(err))
	}
	return true, nil
}

// namespace creates a missing Namespace, bare, by a server-side apply as Flux: the API server labels a new
// Namespace in the name of whoever creates it, and that must not be seed when Git has the Namespace too.
func (c *Claimer) namespace(ctx context.Context, name string) error {
	err := c.cluster.Get(ctx, types.NamespacedName{Name: name}, &corev1.Namespace{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	bare := &unstructured.Unstructured{}
	bare.SetAPIVersion("v1")
	bare.SetKind("Namespace")
	bare.SetName(name)
	return c.cluster.Apply(ctx, client.ApplyConfigurationFromUnstructured(bare), client.FieldOwner(cluster.FluxManager))
}

// notAsItIs marks what the API server will refuse again: each try would cost a login.
func notAsItIs(err error) error {
	dying := apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	if !dying && (apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)) {
		return failure.Blocked(fmt.Errorf("%w (correct spec.target.template, the keys and the values, or what keeps seed from writing it)", err))
	}
	return err
}
