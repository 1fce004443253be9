package bundle

import (
	"fmt"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/types"
)

// follow checks that there is one root and that every reference from it is met, and nothing is left over.
func (d *decoded) follow() (*Bundle, error) {
	if len(d.roots) != 1 || len(d.sources) != 1 {
		return nil, fmt.Errorf("it holds %d Kustomization and %d GitRepository objects; seed starts from exactly one of each",
			len(d.roots), len(d.sources))
	}
	b := &Bundle{Root: d.roots[0], Source: d.sources[0]}
	ref := b.Root.Spec.SourceRef
	if ref.Namespace == "" {
		ref.Namespace = b.Root.Namespace
	}
	if ref.Kind != sourcev1.GitRepositoryKind || ref.Name != b.Source.Name || ref.Namespace != b.Source.Namespace {
		return nil, fmt.Errorf("Kustomization %s/%s: spec.sourceRef names %s %s/%s, but the bundle holds GitRepository %s/%s",
			b.Root.Namespace, b.Root.Name, ref.Kind, ref.Namespace, ref.Name, b.Source.Namespace, b.Source.Name)
	}
	if b.Source.Spec.SecretRef != nil {
		claim, err := d.claim(types.NamespacedName{Namespace: b.Source.Namespace, Name: b.Source.Spec.SecretRef.Name})
		if err != nil {
			return nil, fmt.Errorf("GitRepository %s/%s: spec.secretRef: %w", b.Source.Namespace, b.Source.Name, err)
		}
		b.Claims = append(b.Claims, claim)
	}
	return b, d.leftOver(b)
}

// claim finds the ExternalSecret that brings the Secret target, and its store.
func (d *decoded) claim(target types.NamespacedName) (Claim, error) {
	for _, es := range d.secrets {
		if Target(es) != target {
			continue
		}
		for _, store := range d.stores {
			if store.Name == es.Spec.SecretStoreRef.Name {
				return Claim{es, store}, nil
			}
		}
		return Claim{}, fmt.Errorf("ExternalSecret %s/%s: spec.secretStoreRef names ClusterSecretStore %s, which is not there: add it beside the ExternalSecret",
			es.Namespace, es.Name, es.Spec.SecretStoreRef.Name)
	}
	return Claim{}, fmt.Errorf("nothing brings the Secret %s: add an ExternalSecret with that target", target)
}

// leftOver reports objects that no reference leads to: they would be ignored, which nobody expects.
func (d *decoded) leftOver(b *Bundle) error {
	used := map[any]bool{}
	for _, c := range b.Claims {
		used[c.Secret], used[c.Store] = true, true
	}
	for _, es := range d.secrets {
		if !used[es] {
			return fmt.Errorf("ExternalSecret %s/%s: nothing in the bundle refers to its target Secret %s", es.Namespace, es.Name, Target(es))
		}
	}
	for _, store := range d.stores {
		if !used[store] {
			return fmt.Errorf("ClusterSecretStore %s: no ExternalSecret in the bundle names it", store.Name)
		}
	}
	return nil
}

// Target is the Secret that an ExternalSecret brings; its name defaults to the ExternalSecret's own.
func Target(es *esv1.ExternalSecret) types.NamespacedName {
	name := es.Spec.Target.Name
	if name == "" {
		name = es.Name
	}
	return types.NamespacedName{Namespace: es.Namespace, Name: name}
}
