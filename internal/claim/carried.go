package claim

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/set"
)

// carried copies a Secret that no ExternalSecret brings from the one that the inline manifest carries for it, over the
// copy that existing may be.
func (c *Claimer) carried(ctx context.Context, claim bundle.Claim, existing *corev1.Secret) (bool, error) {
	source, err := c.source(ctx, claim)
	switch {
	case existing != nil && (apierrors.IsNotFound(err) || err == nil && set.IsEmpty(source)):
		return false, nil // seed has let go of what it carried: the copy is all there is
	case apierrors.IsNotFound(err):
		return false, failure.Blocked(fmt.Errorf("bringing the Secret %s for %s: %w (add an ExternalSecret with the target %s to the tree, or render the inline manifest with the Secret's data as identity)", claim.Target, claim.For, err, claim.Target))
	case err != nil:
		return false, fmt.Errorf("bringing the Secret %s for %s: %w", claim.Target, claim.For, err)
	case set.IsEmpty(source):
		return false, failure.Blocked(fmt.Errorf("bringing the Secret %s for %s: the identity Secret %s is empty: render and apply the inline manifest anew", claim.Target, claim.For, client.ObjectKeyFromObject(source)))
	}
	wanted := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: claim.Target.Namespace, Name: claim.Target.Name},
		Type:       source.Type,
		Data:       source.Data,
	}
	switch {
	case existing == nil:
		return c.create(ctx, wanted)
	case equality.Semantic.DeepEqual(existing.Data, wanted.Data):
		return false, nil
	}
	return c.renew(ctx, existing, wanted)
}

// source reads the Secret that the inline manifest carries for claim.
func (c *Claimer) source(ctx context.Context, claim bundle.Claim) (*corev1.Secret, error) {
	key := types.NamespacedName{Namespace: set.Namespace, Name: c.Set.Carried(claim.Target.Name)}
	source := &corev1.Secret{}
	if err := c.cluster.Get(ctx, key, source); err != nil {
		return nil, fmt.Errorf("reading the identity Secret %s: %w", key, err)
	}
	return source, nil
}

// Refresh brings the copy of a carried Secret up to date and reports whether it did: so a new set brings a new identity to a
// cluster that lives already. A copy that is not there, that is no longer seed's own, or for which nothing is carried any
// more is left alone, and so is what is no copy.
func (c *Claimer) Refresh(ctx context.Context, claim bundle.Claim) (bool, error) {
	if claim.Secret != nil {
		return false, nil
	}
	existing := &corev1.Secret{}
	if err := c.cluster.Get(ctx, claim.Target, existing); err != nil {
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return false, fmt.Errorf("looking for the Secret %s: %w", claim.Target, err)
	}
	if !ours(existing) {
		return false, nil
	}
	return c.carried(ctx, claim, existing)
}
