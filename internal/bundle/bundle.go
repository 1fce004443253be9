// Package bundle holds the few objects that seed needs before it can read Git: the root source, the root
// Kustomization, and the ExternalSecrets and stores that bring the credential. They are cut out of the
// built tree, so that they are written once, in Git.
package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/failure"
)

// Bundle is what seed starts from. Parse has checked that every reference in it is met.
type Bundle struct {
	// Source is the root source: the Git repository of the tree.
	Source *sourcev1.GitRepository
	// Root is the Kustomization that reconciles the cluster's folder.
	Root *kustomizev1.Kustomization
	// Claims bring the Secrets that Source needs.
	Claims []Claim

	objects []*unstructured.Unstructured
}

// Claim is an ExternalSecret together with the store that answers it.
type Claim struct {
	Secret *esv1.ExternalSecret
	Store  *esv1.ClusterSecretStore
}

// decoded is a Bundle before its references were followed.
type decoded struct {
	sources []*sourcev1.GitRepository
	roots   []*kustomizev1.Kustomization
	secrets []*esv1.ExternalSecret
	stores  []*esv1.ClusterSecretStore
}

// Parse reads a bundle: YAML documents of the kinds GitRepository, Kustomization, ExternalSecret and
// ClusterSecretStore. An unknown kind or field, a field that seed cannot honour, and a reference to
// something that is not there are errors; all of them are returned together, marked failure.Invalid.
func Parse(data []byte) (*Bundle, error) {
	objects, err := readObjects(data)
	if err != nil {
		return nil, failure.Invalid(fmt.Errorf("reading the bundle: %w", err))
	}
	var d decoded
	var errs []error
	for _, object := range objects {
		errs = append(errs, d.add(object))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, failure.Invalid(fmt.Errorf("invalid bundle: %w", err))
	}
	b, err := d.follow()
	if err != nil {
		return nil, failure.Invalid(fmt.Errorf("invalid bundle: %w", err))
	}
	b.objects = objects
	return b, nil
}

// readObjects splits YAML documents and keeps every one that says something, so that a document without
// a kind is an error later and not silence.
func readObjects(data []byte) ([]*unstructured.Unstructured, error) {
	reader := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var objects []*unstructured.Unstructured
	for n := 1; ; n++ {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var content map[string]any
		if err := yaml.UnmarshalStrict(doc, &content); err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		if len(content) > 0 {
			objects = append(objects, &unstructured.Unstructured{Object: content})
		}
	}
}

// add decodes object strictly into its type and checks what can be checked without the others.
func (d *decoded) add(object *unstructured.Unstructured) error {
	switch object.GroupVersionKind() {
	case sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind):
		return decodeInto(object, &d.sources, checkGitRepository)
	case kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind):
		return decodeInto(object, &d.roots, checkKustomization)
	case esv1.SchemeGroupVersion.WithKind(esv1.ExtSecretKind):
		return decodeInto(object, &d.secrets, checkExternalSecret)
	case esv1.SchemeGroupVersion.WithKind(esv1.ClusterSecretStoreKind):
		return decodeInto(object, &d.stores, func(store *esv1.ClusterSecretStore) []string {
			setStoreDefaults(store, object)
			return checkStore(store)
		})
	case schema.GroupVersionKind{}:
		return fmt.Errorf("%s has no apiVersion and kind: every document must be a Kubernetes object", describe(object))
	}
	return fmt.Errorf("%s: seed does not know the kind %s %s; a bundle holds GitRepository, Kustomization, ExternalSecret and ClusterSecretStore (make it with \"seed render manifests\")",
		describe(object), object.GetAPIVersion(), object.GetKind())
}

// decodeInto decodes object strictly, runs check on it and appends it to list.
func decodeInto[T any](object *unstructured.Unstructured, list *[]*T, check func(*T) []string) error {
	typed := new(T)
	// Without status and creationTimestamp, which a dump of a live object has, nothing is unknown.
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
		return fmt.Errorf("%s: %w", describe(object), err)
	}
	var errs []error
	for _, problem := range check(typed) {
		errs = append(errs, fmt.Errorf("%s: %s", describe(object), problem))
	}
	*list = append(*list, typed)
	return errors.Join(errs...)
}

// setStoreDefaults sets what the CRD would set; a bool that defaults to true can only be told from the
// raw object.
func setStoreDefaults(store *esv1.ClusterSecretStore, raw *unstructured.Unstructured) {
	if store.Spec.Provider == nil || store.Spec.Provider.Infisical == nil {
		return
	}
	vault := store.Spec.Provider.Infisical
	if vault.HostAPI == "" {
		vault.HostAPI = "https://app.infisical.com/api"
	}
	if vault.SecretsScope.SecretsPath == "" {
		vault.SecretsScope.SecretsPath = "/"
	}
	if _, set, _ := unstructured.NestedBool(raw.Object, "spec", "provider", "infisical", "secretsScope", "expandSecretReferences"); !set {
		vault.SecretsScope.ExpandSecretReferences = true
	}
}

// describe names an object as "Kind namespace/name".
func describe(object *unstructured.Unstructured) string {
	kind := object.GetKind()
	if kind == "" {
		kind = "object"
	}
	return strings.TrimSpace(kind + " " + strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/"))
}
