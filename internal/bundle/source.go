package bundle

import (
	"errors"
	"fmt"
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secretRef is a reference to a Secret in the namespace of a source.
type secretRef struct{ field, name string }

// secretRefs are the Secrets that a source refers to, in a fixed order.
func secretRefs(source client.Object) []secretRef {
	var refs []secretRef
	switch s := source.(type) {
	case *sourcev1.GitRepository:
		if s.Spec.SecretRef != nil {
			refs = append(refs, secretRef{"spec.secretRef", s.Spec.SecretRef.Name})
		}
		if s.Spec.ProxySecretRef != nil {
			refs = append(refs, secretRef{"spec.proxySecretRef", s.Spec.ProxySecretRef.Name})
		}
	case *sourcev1.OCIRepository:
		if s.Spec.SecretRef != nil {
			refs = append(refs, secretRef{"spec.secretRef", s.Spec.SecretRef.Name})
		}
		if s.Spec.CertSecretRef != nil {
			refs = append(refs, secretRef{"spec.certSecretRef", s.Spec.CertSecretRef.Name})
		}
		if s.Spec.ProxySecretRef != nil {
			refs = append(refs, secretRef{"spec.proxySecretRef", s.Spec.ProxySecretRef.Name})
		}
	}
	return refs
}

// ErrNoUsername marks the error of an ExternalSecret whose Secret source-controller refuses
// (https://fluxcd.io/flux/components/source/gitrepositories/#basic-access-authentication).
var ErrNoUsername = errors.New("brings a password without username, which Flux refuses")

// complete finds, where the keys of the Secret are known beforehand, a password without username, which Flux
// refuses.
func (r *resolver) complete(target types.NamespacedName, field string) error {
	for _, claim := range r.claims {
		if claim.Target != target || claim.Secret == nil || field == "spec.certSecretRef" {
			continue
		}
		keys, known := Keys(claim.Secret)
		if known && slices.Contains(keys, "password") && !slices.Contains(keys, "username") && !slices.Contains(keys, "identity") {
			return fmt.Errorf("ExternalSecret %s/%s %w: add username to spec.target.template.data (for GitHub any text, for example git)",
				claim.Secret.Namespace, claim.Secret.Name, ErrNoUsername)
		}
	}
	return nil
}

// Keys are those that the Secret of es will have; what the vault names is not known.
func Keys(es *esv1.ExternalSecret) (keys []string, known bool) {
	template := es.Spec.Target.Template
	if template == nil || len(template.Data) == 0 || template.MergePolicy == esv1.MergePolicyMerge {
		for _, data := range es.Spec.Data {
			keys = append(keys, data.SecretKey)
		}
		known = len(es.Spec.DataFrom) == 0
	}
	if template != nil {
		keys = append(keys, sortedKeys(template.Data)...)
		known = known || len(template.Data) > 0 && template.MergePolicy != esv1.MergePolicyMerge
	}
	return keys, known
}
