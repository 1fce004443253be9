// Package claim satisfies ExternalSecrets in process, as External Secrets Operator will: it logs in at
// the store's vault, reads the values, renders the template and creates the Secret.
package claim

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esmeta "github.com/external-secrets/external-secrets/apis/meta/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim/infisical"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// Claimer claims Secrets. It logs in at most once at each store; Close revokes what it was given.
// It is not safe for concurrent use.
type Claimer struct {
	// Renew makes Claim read the values again for a Secret that seed made itself and that nobody took over.
	Renew bool

	cluster  client.Client
	vault    *http.Client
	sessions map[string]*infisical.Session
}

// New makes a Claimer that writes to live and speaks to vaults with vault.
func New(live client.Client, vault *http.Client) *Claimer {
	return &Claimer{cluster: live, vault: vault, sessions: map[string]*infisical.Session{}}
}

// Claim brings the Secret of c into the cluster and reports whether it wrote it. A Secret that is already
// there is left alone, whoever made it: no login happens; see Renew for the exception.
func (c *Claimer) Claim(ctx context.Context, claim bundle.Claim) (written bool, err error) {
	target := claim.Target
	existing := &corev1.Secret{}
	err = c.cluster.Get(ctx, target, existing)
	switch {
	case apierrors.IsNotFound(err):
		existing = nil
	case err != nil:
		return false, fmt.Errorf("looking for the Secret %s: %w", target, err)
	case !c.Renew || !ours(existing):
		return false, nil
	}
	if claim.Secret == nil {
		if existing != nil { // what the inline manifest carries is never newer
			return false, nil
		}
		return c.carried(ctx, claim)
	}
	render, err := parseTemplate(claim.Secret)
	if err != nil {
		return false, failure.Invalid(fmt.Errorf("ExternalSecret %s/%s: %w", claim.Secret.Namespace, claim.Secret.Name, err))
	}
	values, err := c.values(ctx, claim)
	if err != nil {
		return false, fmt.Errorf("claiming the Secret %s: %w", target, err)
	}
	data, err := render(values)
	if err != nil {
		return false, failure.Blocked(fmt.Errorf("rendering the Secret %s from ExternalSecret %s: %w", target, claim.Secret.Name, err))
	}
	if existing != nil {
		existing.Data = data
		if err := c.cluster.Update(ctx, existing, fieldOwner); err != nil {
			return false, fmt.Errorf("renewing the Secret %s: %w", target, err)
		}
		return true, nil
	}
	return c.create(ctx, claim.Secret, target, data)
}

// ours tells whether seed made the Secret and nobody else has written to it since.
func ours(s *corev1.Secret) bool {
	for _, entry := range s.ManagedFields {
		if entry.Manager != string(fieldOwner) {
			return false
		}
	}
	return len(s.ManagedFields) > 0
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

// values reads what spec.data asks for, by secretKey.
func (c *Claimer) values(ctx context.Context, claim bundle.Claim) (map[string]secret.String, error) {
	session, err := c.login(ctx, claim.Store)
	if err != nil {
		return nil, fmt.Errorf("ClusterSecretStore %s: %w", claim.Store.Name, err)
	}
	from := claim.Store.Spec.Provider.Infisical.SecretsScope
	scope := infisical.Scope{
		ProjectSlug:      from.ProjectSlug,
		EnvironmentSlug:  from.EnvironmentSlug,
		Path:             from.SecretsPath,
		ExpandReferences: from.ExpandSecretReferences,
	}
	values := map[string]secret.String{}
	for _, data := range claim.Secret.Spec.Data {
		if values[data.SecretKey], err = session.Secret(ctx, scope, data.RemoteRef.Key); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// login returns the store's session, logging in the first time.
func (c *Claimer) login(ctx context.Context, store *esv1.ClusterSecretStore) (*infisical.Session, error) {
	if session := c.sessions[store.Name]; session != nil {
		return session, nil
	}
	vault := store.Spec.Provider.Infisical
	id, err := c.input(ctx, vault.Auth.UniversalAuthCredentials.ClientID)
	if err != nil {
		return nil, fmt.Errorf("clientId: %w", err)
	}
	key, err := c.input(ctx, vault.Auth.UniversalAuthCredentials.ClientSecret)
	if err != nil {
		return nil, fmt.Errorf("clientSecret: %w", err)
	}
	client, err := c.trusting(vault.CABundle)
	if err != nil {
		return nil, failure.Invalid(fmt.Errorf("spec.provider.infisical.caBundle: %w", err))
	}
	session, err := infisical.Login(ctx, client, vault.HostAPI, id, key)
	if err != nil {
		return nil, err
	}
	c.sessions[store.Name] = session
	return session, nil
}

// input reads one key of the store's auth Secret. Without it seed cannot go on until somebody brings it.
func (c *Claimer) input(ctx context.Context, ref esmeta.SecretKeySelector) (secret.String, error) {
	key := types.NamespacedName{Namespace: *ref.Namespace, Name: ref.Name}
	var s corev1.Secret
	if err := c.cluster.Get(ctx, key, &s); err != nil {
		if apierrors.IsNotFound(err) {
			err = failure.Blocked(err)
		}
		return secret.String{}, fmt.Errorf("reading the identity Secret %s: %w", key, err)
	}
	if len(s.Data[ref.Key]) == 0 {
		return secret.String{}, failure.Blocked(fmt.Errorf("the identity Secret %s has no key %q: put the machine identity there", key, ref.Key))
	}
	return secret.New(string(s.Data[ref.Key])), nil
}

// create makes the Secret that es describes.
func (c *Claimer) create(ctx context.Context, es *esv1.ExternalSecret, target types.NamespacedName, data map[string][]byte) (bool, error) {
	object := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: target.Namespace, Name: target.Name},
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}
	if t := es.Spec.Target.Template; t != nil {
		object.Labels, object.Annotations = t.Metadata.Labels, t.Metadata.Annotations
		if t.Type != "" {
			object.Type = t.Type
		}
	}
	return c.write(ctx, object)
}

// write creates a Secret, and its namespace bare if it is missing. Losing a race against another run is
// no error: its Secret is as good.
func (c *Claimer) write(ctx context.Context, object *corev1.Secret) (bool, error) {
	key := client.ObjectKeyFromObject(object)
	if err := c.namespace(ctx, key.Namespace); err != nil {
		return false, fmt.Errorf("creating the Namespace %s: %w", key.Namespace, err)
	}
	if err := c.cluster.Create(ctx, object, fieldOwner); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return false, nil
		}
		return false, fmt.Errorf("creating the Secret %s: %w", key, err)
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

// fieldOwner is the field manager of what seed itself owns; objects of Flux are never written with it.
const fieldOwner = client.FieldOwner("seed")
