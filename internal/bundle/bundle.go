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

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/failure"
)

// Bundle is what seed starts from. Parse has checked that every reference in it is met.
type Bundle struct {
	// Source is the root source: a *GitRepository or an *OCIRepository.
	Source client.Object
	// Root is the Kustomization that reconciles the cluster's folder.
	Root *kustomizev1.Kustomization
	// Claims bring the Secrets that Source needs, in the order in which they can be satisfied.
	Claims []Claim

	objects []*unstructured.Unstructured
}

// Claim says how one Secret comes into the cluster.
type Claim struct {
	// Target is the Secret.
	Target types.NamespacedName
	// Secret is the ExternalSecret with that target, and Store the store that answers it. Both are nil for
	// a Secret that no ExternalSecret brings: the inline manifest has to carry it.
	Secret *esv1.ExternalSecret
	Store  *esv1.ClusterSecretStore
	// For is who needs the Secret, for messages: "GitRepository flux-system/flux-system, spec.secretRef".
	For string
	// Keys are those that a store's login reads from the Secret; nil if a source needs it.
	Keys []string
}

// Parse reads a bundle: YAML documents of a root source, a Kustomization, ExternalSecrets, ClusterSecretStores
// and the ConfigMaps with their certificates. An unknown kind or field, a field that seed cannot honour, and a
// reference to something that is not there are errors; all of them are returned together, marked
// failure.Invalid.
func Parse(data []byte) (*Bundle, error) {
	objects, err := readObjects(data)
	if err != nil {
		return nil, failure.Invalid(fmt.Errorf("reading the bundle: %w", err))
	}
	b, err := parse(objects)
	if err != nil {
		return nil, failure.Invalid(fmt.Errorf("invalid bundle: %w", err))
	}
	return b, nil
}

func parse(objects []*unstructured.Unstructured) (*Bundle, error) {
	var errs []error
	for i, object := range objects {
		errs = append(errs, check(object), unique(objects[:i], object))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b := &Bundle{objects: objects}
	if err := b.root(); err != nil {
		return nil, err
	}
	r := resolver{objects: objects}
	if err := r.source(b.Source); err != nil {
		return nil, err
	}
	b.Claims = r.claims
	return b, r.leftOver()
}

// unique reports an object that is there twice: which one would count?
func unique(before []*unstructured.Unstructured, object *unstructured.Unstructured) error {
	key := types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
	if find(before, object.GroupVersionKind().Group, object.GetKind(), key) != nil {
		return fmt.Errorf("%s is there twice: remove one", describe(object))
	}
	return nil
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
