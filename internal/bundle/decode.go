package bundle

import (
	"fmt"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// AnnotationPrefix is that of everything which is seed's to read in a tree.
	AnnotationPrefix = "seed.tazlab.net/"
	// PlantAnnotation marks, with the value "true", the Kustomizations that seed applies before Flux is there.
	PlantAnnotation = AnnotationPrefix + "plant"
	// JWTIdentityAnnotation names, on a ClusterSecretStore, the machine identity as which seed logs in at its vault: by
	// Infisical's JWT Auth, with a service-account token of its own, whatever the store's auth block says. Its value is
	// a UUID.
	JWTIdentityAnnotation = AnnotationPrefix + "jwt-identity-id"
)

// kinds are those of a bundle, each with the API version that seed knows.
var kinds = map[string]string{
	sourcev1.GitRepositoryKind:    sourcev1.GroupVersion.String(),
	sourcev1.OCIRepositoryKind:    sourcev1.GroupVersion.String(),
	kustomizev1.KustomizationKind: kustomizev1.GroupVersion.String(),
	esv1.ExtSecretKind:            esv1.SchemeGroupVersion.String(),
	esv1.ClusterSecretStoreKind:   esv1.SchemeGroupVersion.String(),
	"ConfigMap":                   "v1",
}

// Check is what Parse finds wrong with an object by itself, nil if nothing.
func Check(object *unstructured.Unstructured) error { return check(object) }

// check decodes an object of a bundle and finds what can be found without the others.
func check(object *unstructured.Unstructured) (err error) {
	if object.GetAPIVersion() == "" || object.GetKind() == "" {
		return fmt.Errorf("%s has no apiVersion and kind: every document must be a Kubernetes object", describe(object))
	}
	if kinds[object.GetKind()] == "" || group(kinds[object.GetKind()]) != group(object.GetAPIVersion()) {
		return fmt.Errorf("%s: seed does not know the kind %s %s; a bundle holds the root source and Kustomization, ExternalSecrets, ClusterSecretStores and ConfigMaps with certificates (make it with \"seed render manifests\")",
			describe(object), object.GetAPIVersion(), object.GetKind())
	}
	switch object.GetKind() {
	case kustomizev1.KustomizationKind:
		_, err = decode(object, checkKustomization)
	case esv1.ExtSecretKind:
		_, err = decode(object, checkExternalSecret)
	case esv1.ClusterSecretStoreKind:
		_, err = decodeStore(object)
	case "ConfigMap":
		_, err = decode(object, func(*corev1.ConfigMap) []string { return nil })
	default:
		_, err = DecodeSource(object)
	}
	return err
}

// DecodeSource decodes a GitRepository or an OCIRepository strictly. A field that seed cannot honour is an
// error.
func DecodeSource(object *unstructured.Unstructured) (client.Object, error) {
	switch object.GetKind() {
	case sourcev1.GitRepositoryKind:
		return decode(object, checkGitRepository)
	case sourcev1.OCIRepositoryKind:
		return decode(object, checkOCIRepository)
	}
	return nil, fmt.Errorf("%s: seed fetches from a GitRepository or an OCIRepository", describe(object))
}

// decode decodes object strictly and runs problems on it.
func decode[T any](object *unstructured.Unstructured, problems func(*T) []string) (*T, error) {
	if want := kinds[object.GetKind()]; want != object.GetAPIVersion() {
		return nil, fmt.Errorf("%s: seed reads %s, not %s: change its apiVersion", describe(object), want, object.GetAPIVersion())
	}
	typed := new(T)
	if err := checkAnnotations(object); err != nil {
		return nil, err
	}
	// Without status and creationTimestamp, which a dump of a live object has, nothing is unknown.
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
		return nil, fmt.Errorf("%s: %w", describe(object), err)
	}
	if found := problems(typed); len(found) > 0 {
		name := describe(object) + ": "
		return nil, fmt.Errorf("%s%s", name, strings.Join(found, "\n"+name))
	}
	return typed, nil
}

// checkAnnotations finds an annotation of seed's that it does not know, or not on this kind.
func checkAnnotations(object *unstructured.Unstructured) error {
	for _, name := range sortedKeys(object.GetAnnotations()) {
		known := name == PlantAnnotation || name == JWTIdentityAnnotation
		switch {
		case !strings.HasPrefix(name, AnnotationPrefix):
		case !known:
			return fmt.Errorf("%s: seed does not know the annotation %s: remove it, or spell it as the documentation does", describe(object), name)
		case name == JWTIdentityAnnotation && object.GetKind() != esv1.ClusterSecretStoreKind:
			return fmt.Errorf("%s: the annotation %s belongs on a ClusterSecretStore: move it there", describe(object), name)
		}
	}
	return nil
}

// decodeStore decodes a store with the defaults that its CRD would set; a bool that defaults to true can
// only be told from the raw object.
func decodeStore(object *unstructured.Unstructured) (*esv1.ClusterSecretStore, error) {
	return decode(object, func(store *esv1.ClusterSecretStore) []string {
		if store.Spec.Provider == nil || store.Spec.Provider.Infisical == nil {
			return checkStore(store)
		}
		vault := store.Spec.Provider.Infisical
		if vault.HostAPI == "" {
			vault.HostAPI = "https://app.infisical.com/api"
		}
		if vault.SecretsScope.SecretsPath == "" {
			vault.SecretsScope.SecretsPath = "/"
		}
		if _, set, _ := unstructured.NestedBool(object.Object, "spec", "provider", "infisical", "secretsScope", "expandSecretReferences"); !set {
			vault.SecretsScope.ExpandSecretReferences = true
		}
		return checkStore(store)
	})
}

// group is the API group of an apiVersion.
func group(apiVersion string) string {
	name, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return name
}

// describe names an object as "Kind namespace/name".
func describe(object *unstructured.Unstructured) string {
	kind := object.GetKind()
	if kind == "" {
		kind = "object"
	}
	return strings.TrimSpace(kind + " " + strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/"))
}
