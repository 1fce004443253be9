package bundle

import (
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
)

// Stores are the stores that an ExternalSecret takes its values from, each once: the one for all, then those that single values
// name. Their kind is set; a generator is none.
// https://github.com/external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/secretstore/client_manager.go
func Stores(es *esv1.ExternalSecret) []esv1.SecretStoreRef {
	refs := []esv1.SecretStoreRef{es.Spec.SecretStoreRef}
	for _, d := range es.Spec.Data {
		if d.SourceRef != nil {
			refs = append(refs, d.SourceRef.SecretStoreRef)
		}
	}
	for _, d := range es.Spec.DataFrom {
		if d.SourceRef != nil && d.SourceRef.SecretStoreRef != nil {
			refs = append(refs, *d.SourceRef.SecretStoreRef)
		}
	}
	var all []esv1.SecretStoreRef
	for _, ref := range refs {
		if ref.Kind == "" {
			ref.Kind = esv1.SecretStoreKind
		}
		if ref.Name != "" && !slices.Contains(all, ref) {
			all = append(all, ref)
		}
	}
	return all
}
