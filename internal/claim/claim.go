// Package claim satisfies ExternalSecrets in process, as External Secrets Operator will: it logs in at
// the store's vault, reads the values, renders the template and creates the Secret.
package claim

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim/infisical"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/set"
)

// Claimer claims Secrets. It logs in at most once for each login that its stores ask for, unless the vault
// takes the token back; Close revokes what it was given. It is not safe for concurrent use.
type Claimer struct {
	// Renew makes Claim read the values again for a Secret that seed made itself and that nobody took over.
	Renew bool
	// TokenDir holds seed's own tokens for vaults, see TokenFile; New sets it to the constant.
	TokenDir string
	// Set is that of the inline manifest whose carried Secrets are copied.
	Set set.Set

	cluster  client.Client
	vault    *http.Client
	sessions map[string]*infisical.Session // by loginKey
}

// New makes a Claimer that writes to live and speaks to vaults with vault.
func New(live client.Client, vault *http.Client) *Claimer {
	return &Claimer{TokenDir: TokenDir, cluster: live, vault: vault, sessions: map[string]*infisical.Session{}}
}

// Claim brings the Secret of c into the cluster and reports whether it wrote it. A Secret that is already
// there is left alone, whoever made it: no login happens; see Renew for the exception. An error that
// says how long to wait is marked with failure.After.
func (c *Claimer) Claim(ctx context.Context, claim bundle.Claim) (written bool, err error) {
	target := claim.Target
	merge := claim.Secret != nil && claim.Secret.Spec.Target.CreationPolicy == esv1.CreatePolicyMerge
	existing := &corev1.Secret{}
	err = c.cluster.Get(ctx, target, existing)
	switch {
	case apierrors.IsNotFound(err) && merge:
		return false, failure.Blocked(fmt.Errorf("the Secret %s is not there, and ExternalSecret %s has creationPolicy: Merge, which never creates it: set it to Orphan or Owner, or bring the Secret",
			target, claim.Secret.Name))
	case apierrors.IsNotFound(err):
		existing = nil
	case err != nil:
		return false, fmt.Errorf("looking for the Secret %s: %w", target, err)
	case merge || !c.Renew || !ours(existing):
		return false, nil
	}
	if claim.Secret == nil {
		return c.carried(ctx, claim, existing)
	}
	wanted, err := c.wanted(ctx, claim, target)
	if err != nil {
		return false, err
	}
	if existing == nil {
		return c.create(ctx, wanted)
	}
	return c.renew(ctx, existing, wanted)
}

// wanted is the Secret that the vault's values make.
func (c *Claimer) wanted(ctx context.Context, claim bundle.Claim, target types.NamespacedName) (*corev1.Secret, error) {
	values, err := c.values(ctx, claim)
	if err != nil {
		return nil, fmt.Errorf("claiming the Secret %s from ClusterSecretStore %s: %w", target, claim.Store.Name, err)
	}
	wanted, err := render(claim.Secret, target, values)
	if err != nil {
		return nil, failure.Blocked(fmt.Errorf("rendering the Secret %s from ExternalSecret %s: %w", target, claim.Secret.Name, err))
	}
	return wanted, nil
}

// Close revokes every access token; the tokens also die by themselves, so an error is worth a line and
// no more.
func (c *Claimer) Close(ctx context.Context) error {
	var errs []error
	for _, session := range c.sessions {
		errs = append(errs, session.Revoke(ctx))
	}
	clear(c.sessions)
	return errors.Join(errs...)
}
