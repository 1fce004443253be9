package nudge

import (
	"context"
	"fmt"
	"strings"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/live"
)

// waitsForStore tells of an ExternalSecret for which there was no data. External Secrets Operator has one message for that,
// whatever the reason; `ClusterSecretStore "x" is not ready` is in an Event only. It tries again after a back-off of up to
// seven minutes, and does not watch stores.
// https://github.com/external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/externalsecret/externalsecret_controller.go
func waitsForStore(u *unit) bool {
	return u.kind.Group == esv1.Group && u.failed.Reason == esv1.ConditionReasonSecretSyncedError && u.failed.Message == "could not get secret data from provider"
}

// storesValid are all of the ExternalSecret's stores, and the moment when the last one became valid. Each sync is a login at
// the vault, and bad ones lock its identity out. So the failure must be older than that moment: since then no store was a
// reason to fail. And the moment must be just now: what came longer ago the operator may have tried, and failed for a
// reason of its own, which the condition does not tell.
// https://github.com/external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/secretstore/client_manager.go
func storesValid(_ context.Context, s *state, u *unit) cause {
	secret, ok := u.Object.(*esv1.ExternalSecret)
	if !ok {
		return cause{}
	}
	var c cause
	var texts []string
	for _, ref := range bundle.Stores(secret) {
		store, valid := s.store(ref, secret.Namespace)
		if valid == nil || valid.Status != corev1.ConditionTrue || valid.Reason != esv1.ReasonStoreValid {
			return cause{}
		}
		c.id, texts = c.id+fmt.Sprintln(store.GetUID(), valid.LastTransitionTime.UTC()), append(texts, ref.Kind+" "+ref.Name+" is valid")
		if valid.LastTransitionTime.After(c.at) {
			c.at = valid.LastTransitionTime.Time
		}
	}
	// The operator's own view of the store may be older, for a moment.
	c.from = c.at.Add(time.Second)
	if u.failed.LastTransitionTime.After(c.from) || s.now.After(c.at.Add(recent)) {
		return cause{}
	}
	c.text = strings.Join(texts, ", ")
	return c
}

// store is what ref names, and its Ready condition; nil if either is not there.
func (s *state) store(ref esv1.SecretStoreRef, namespace string) (client.Object, *esv1.SecretStoreStatusCondition) {
	q := live.Query{Kind: esv1.SchemeGroupVersion.WithKind(esv1.SecretStoreKind), Namespace: namespace, Name: ref.Name}
	if ref.Kind == esv1.ClusterSecretStoreKind {
		q = live.Query{Kind: esv1.SchemeGroupVersion.WithKind(esv1.ClusterSecretStoreKind), Name: ref.Name}
	}
	found, _ := s.want(q)
	for _, object := range found {
		store, ok := object.(esv1.GenericStore)
		if !ok {
			continue
		}
		for _, condition := range store.GetStatus().Conditions {
			if condition.Type == esv1.SecretStoreReady {
				return object, &condition
			}
		}
	}
	return nil, nil
}
