package claim

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/failure"
)

// Namespace is where the inline manifest puts the Secrets that it carries: in the namespace of their target
// they would be Flux's to prune.
const Namespace = "seed-system"

// carried copies a Secret that no ExternalSecret brings from the one of the same name that the inline manifest
// carries, over the copy that existing may be.
func (c *Claimer) carried(ctx context.Context, claim bundle.Claim, existing *corev1.Secret) (bool, error) {
	from := types.NamespacedName{Namespace: Namespace, Name: claim.Target.Name}
	var source corev1.Secret
	if err := c.cluster.Get(ctx, from, &source); err != nil {
		if apierrors.IsNotFound(err) {
			err = failure.Blocked(fmt.Errorf("%w (add an ExternalSecret with the target %s to the tree, or render the inline manifest with the Secret's data as identity)", err, claim.Target))
		}
		return false, fmt.Errorf("bringing the Secret %s for %s: reading the identity Secret %s: %w", claim.Target, claim.For, from, err)
	}
	if len(source.Data) == 0 {
		return false, failure.Blocked(fmt.Errorf("bringing the Secret %s for %s: the identity Secret %s is empty: render and apply the inline manifest anew", claim.Target, claim.For, from))
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
