package bundle

import (
	"cmp"
	"fmt"
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// resolver follows references among objects, from a source to all that brings its Secrets.
type resolver struct {
	objects []*unstructured.Unstructured
	// claims are in the order in which they can be satisfied.
	claims []Claim
	// used are the objects that a reference led to.
	used []*unstructured.Unstructured
	seen map[types.NamespacedName]bool
	// circular are the keys of Secrets that are needed on the way to themselves.
	circular map[types.NamespacedName][]string
}

// root finds the one Kustomization of the bundle and its source.
func (b *Bundle) root() error {
	var roots, sources []*unstructured.Unstructured
	for _, object := range b.objects {
		switch object.GetKind() {
		case "Kustomization":
			roots = append(roots, object)
		case sourcev1.GitRepositoryKind, sourcev1.OCIRepositoryKind:
			sources = append(sources, object)
		}
	}
	if len(roots) != 1 || len(sources) != 1 {
		return fmt.Errorf("it holds %d Kustomization and %d GitRepository or OCIRepository objects; seed starts from exactly one of each", len(roots), len(sources))
	}
	var err error
	if b.Root, err = decode(roots[0], checkKustomization); err != nil {
		return err
	}
	if b.Source, err = DecodeSource(sources[0]); err != nil {
		return err
	}
	if kind, key := sourceOf(roots[0]); kind != sources[0].GetKind() || key != client.ObjectKeyFromObject(b.Source) {
		return fmt.Errorf("%s: spec.sourceRef names %s %s, but the bundle holds %s", describe(roots[0]), kind, key, describe(sources[0]))
	}
	return nil
}

// source resolves every Secret that a source refers to.
func (r *resolver) source(source client.Object) error {
	kind := source.GetObjectKind().GroupVersionKind().Kind
	for _, ref := range secretRefs(source) {
		target := types.NamespacedName{Namespace: source.GetNamespace(), Name: ref.name}
		wanted := fmt.Sprintf("%s %s/%s, %s", kind, source.GetNamespace(), source.GetName(), ref.field)
		if err := r.secret(target, wanted, nil); err != nil {
			return err
		}
		if err := r.complete(target, ref.field); err != nil {
			return fmt.Errorf("%s: %w", wanted, err)
		}
	}
	// What the inline manifest carries needs nothing, and others may need it.
	slices.SortStableFunc(r.claims, func(a, b Claim) int { return cmp.Compare(rank(a), rank(b)) })
	return nil
}

func rank(c Claim) int {
	if c.Secret == nil {
		return 0
	}
	return 1
}

// secret resolves who brings target, after whatever that needs itself. A reference that comes back to a
// Secret on its way to itself is met by the inline manifest: ExternalSecrets may keep fresh what they log in with.
func (r *resolver) secret(target types.NamespacedName, wanted string, keys []string) error {
	if r.seen[target] {
		at := slices.IndexFunc(r.claims, func(c Claim) bool { return c.Target == target })
		switch {
		case at < 0:
			r.circular[target] = append(r.circular[target], keys...)
		case r.claims[at].Keys != nil: // what a source reads beside that is not known
			r.claims[at].Keys = union(r.claims[at].Keys, keys)
		}
		return nil
	}
	if r.seen == nil {
		r.seen, r.circular = map[types.NamespacedName]bool{}, map[types.NamespacedName][]string{}
	}
	r.seen[target] = true
	claim := Claim{Target: target, For: wanted, Keys: keys}
	raw := findByTarget(r.objects, target)
	if raw == nil {
		r.claims = append(r.claims, claim)
		return nil
	}
	var err error
	if claim.Secret, err = decode(raw, checkExternalSecret); err != nil {
		return err
	}
	name := claim.Secret.Spec.SecretStoreRef.Name
	rawStore := find(r.objects, esv1.Group, esv1.ClusterSecretStoreKind, types.NamespacedName{Name: name})
	if rawStore == nil {
		return fmt.Errorf("%s: spec.secretStoreRef names ClusterSecretStore %s, which is not there: add it beside the ExternalSecret", describe(raw), name)
	}
	if claim.Store, err = decodeStore(rawStore); err != nil {
		return err
	}
	r.use(raw)
	r.use(rawStore)
	if err := r.login(claim.Store); err != nil {
		return err
	}
	if needed := r.circular[target]; needed != nil {
		claim = Claim{Target: target, For: "ClusterSecretStore " + name + ", spec.provider.infisical.auth", Keys: needed}
	}
	r.claims = append(r.claims, claim)
	return nil
}

// login resolves what a store needs to log in, and puts the certificates of a ConfigMap that is at hand into
// the store: in a newborn cluster it is not there yet.
func (r *resolver) login(store *esv1.ClusterSecretStore) error {
	keys := map[types.NamespacedName][]string{}
	var order []types.NamespacedName
	for _, key := range AuthKeys(store) {
		ref := key.Ref
		target := types.NamespacedName{Namespace: *ref.Namespace, Name: ref.Name}
		if keys[target] == nil {
			order = append(order, target)
		}
		keys[target] = append(keys[target], ref.Key)
	}
	for _, target := range order {
		wanted := "ClusterSecretStore " + store.Name + ", spec.provider.infisical.auth"
		if JWTIdentity(store) != "" {
			if err := r.brought(target, wanted, keys[target]); err != nil {
				return err
			}
			if r.seen[target] {
				continue // also on its way to itself: seed logs in without it
			}
		}
		if err := r.secret(target, wanted, keys[target]); err != nil {
			return err
		}
	}
	return r.trust(store)
}

// brought checks who brings what a store with JWTIdentityAnnotation logs in with later, when External Secrets Operator
// does: seed logs in without it, so the inline manifest does not carry it.
func (r *resolver) brought(target types.NamespacedName, wanted string, keys []string) error {
	raw := findByTarget(r.objects, target)
	if raw == nil {
		return fmt.Errorf("%s: nothing brings the Secret %s: with the annotation %s the inline manifest carries no Secret for a store: add an ExternalSecret with that target, of a store with the annotation", wanted, target, JWTIdentityAnnotation)
	}
	es, err := decode(raw, checkExternalSecret)
	if err != nil {
		return err
	}
	key := types.NamespacedName{Name: es.Spec.SecretStoreRef.Name}
	from := find(r.objects, esv1.Group, esv1.ClusterSecretStoreKind, key)
	if from != nil && from.GetAnnotations()[JWTIdentityAnnotation] == "" {
		return fmt.Errorf("%s: the Secret %s is brought by %s from ClusterSecretStore %s, which has no annotation %s: annotate that store too, or let the ExternalSecret name one that has it",
			wanted, target, describe(raw), key.Name, JWTIdentityAnnotation)
	}
	found, known := Keys(es)
	for _, key := range keys {
		if known && !slices.Contains(found, key) {
			return fmt.Errorf("%s: %s brings the Secret %s without the key %q, so nobody could log in with it: add it to spec.data", wanted, describe(raw), target, key)
		}
	}
	return nil
}

// trust resolves where the certificates of a store's vault come from.
func (r *resolver) trust(store *esv1.ClusterSecretStore) error {
	vault := store.Spec.Provider.Infisical
	if vault.CAProvider == nil {
		return nil
	}
	from := types.NamespacedName{Name: vault.CAProvider.Name}
	if vault.CAProvider.Namespace != nil {
		from.Namespace = *vault.CAProvider.Namespace
	}
	wanted := "ClusterSecretStore " + store.Name + ", spec.provider.infisical.caProvider"
	if vault.CAProvider.Type == esv1.CAProviderTypeSecret {
		return r.secret(from, wanted, []string{vault.CAProvider.Key})
	}
	raw := find(r.objects, "", "ConfigMap", from)
	if raw == nil {
		return nil // then it has to be in the cluster
	}
	r.use(raw)
	text, _, _ := unstructured.NestedString(raw.Object, "data", vault.CAProvider.Key)
	if text == "" {
		return fmt.Errorf("%s: the ConfigMap %s has no key %q", wanted, from, vault.CAProvider.Key)
	}
	if !holdsCertificate([]byte(text)) {
		return fmt.Errorf("%s: there is no PEM certificate in key %q of the ConfigMap %s", wanted, vault.CAProvider.Key, from)
	}
	vault.CABundle, vault.CAProvider = []byte(text), nil
	return nil
}

// union is a with what only b has.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

func (r *resolver) use(object *unstructured.Unstructured) {
	if !slices.Contains(r.used, object) {
		r.used = append(r.used, object)
	}
}

// leftOver reports objects that no reference leads to: they would be ignored, which nobody expects.
func (r *resolver) leftOver() error {
	for _, object := range r.objects {
		if slices.Contains(r.used, object) {
			continue
		}
		switch object.GetKind() {
		case esv1.ExtSecretKind:
			name, _, _ := unstructured.NestedString(object.Object, "spec", "target", "name")
			return fmt.Errorf("%s: nothing in the bundle refers to its target Secret %s", describe(object), cmp.Or(name, object.GetName()))
		case esv1.ClusterSecretStoreKind:
			return fmt.Errorf("%s: no ExternalSecret in the bundle names it", describe(object))
		case "ConfigMap":
			return fmt.Errorf("%s: no ClusterSecretStore in the bundle takes certificates from it", describe(object))
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
