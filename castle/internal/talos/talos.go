// Package talos applies inline manifests as Talos Linux does, with the two semantics that its versions have
// (https://www.talos.dev/latest/reference/configuration/v1alpha1/config/#Config.cluster.inlineManifests.).
package talos

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// Semantics is how a Talos version treats objects.
type Semantics int

const (
	// CreateMissing is Talos up to 1.12: what is missing is created, at every boot again.
	CreateMissing Semantics = iota
	// Inventory is Talos from 1.13: what the inventory lists is never touched again, deleted or not.
	Inventory
)

// Applier is one control plane's ManifestApplyController.
type Applier struct {
	// OnError, when set, is told about each pass that was not complete.
	OnError func(error)

	client    dynamic.Interface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	semantics Semantics
}

// New makes an Applier that talks to the API server of config.
func New(config *rest.Config, semantics Semantics) (*Applier, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a discovery client: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	return &Applier{client: client, mapper: mapper, semantics: semantics}, nil
}

// Apply applies manifests (YAML documents each) in the order of Talos: Namespaces, CRDs, then the rest as
// given. It repeats the pass until everything is there or ctx ends, as Talos' controller does.
func (a *Applier) Apply(ctx context.Context, manifests ...[]byte) error {
	var objects []*unstructured.Unstructured
	for _, manifest := range manifests {
		more, err := decode(manifest)
		if err != nil {
			return fmt.Errorf("read inline manifest: %w", err)
		}
		objects = append(objects, more...)
	}
	slices.SortStableFunc(objects, func(x, y *unstructured.Unstructured) int { return rank(x) - rank(y) })
	backoff := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 1.5, Jitter: 0.1, Steps: 100, Cap: 5 * time.Second}
	for {
		err := a.pass(ctx, objects)
		if err == nil {
			return nil
		}
		if a.OnError != nil {
			a.OnError(err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(backoff.Step()):
			a.mapper.Reset()
		}
	}
}

// rank puts Namespaces first and CRDs second.
func rank(object *unstructured.Unstructured) int {
	return 2 - 2*btoi(object.GetKind() == "Namespace") - btoi(object.GetKind() == "CustomResourceDefinition")
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pass goes through the objects once. An object that the API server cannot take is collected; any other
// error ends the pass.
func (a *Applier) pass(ctx context.Context, objects []*unstructured.Unstructured) error {
	inventory, err := a.readInventory(ctx)
	if err != nil {
		return err
	}
	var collected []error
	for _, object := range objects {
		err := a.applyOne(ctx, object, inventory)
		switch {
		case err == nil:
			inventory[reference(object)] = ""
		case meta.IsNoMatchError(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err):
			collected = append(collected, err)
		default:
			return errors.Join(append(collected, err, a.writeInventory(ctx, inventory))...)
		}
	}
	return errors.Join(append(collected, a.writeInventory(ctx, inventory))...)
}

func (a *Applier) applyOne(ctx context.Context, object *unstructured.Unstructured, inventory map[string]string) error {
	if _, listed := inventory[reference(object)]; listed {
		return nil
	}
	mapping, err := a.mapper.RESTMapping(object.GroupVersionKind().GroupKind(), object.GroupVersionKind().Version)
	if err != nil {
		return err
	}
	var resource dynamic.ResourceInterface = a.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		namespace := object.GetNamespace()
		if namespace == "" {
			namespace = metav1.NamespaceDefault
		}
		resource = a.client.Resource(mapping.Resource).Namespace(namespace)
	}
	_, err = resource.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err == nil || !apierrors.IsNotFound(err) {
		return err
	}
	if a.semantics == Inventory {
		owned := object.DeepCopy()
		annotations := owned.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations["config.k8s.io/owning-inventory"] = inventoryName
		owned.SetAnnotations(annotations)
		_, err = resource.Apply(ctx, object.GetName(), owned, metav1.ApplyOptions{FieldManager: "talos"})
	} else {
		_, err = resource.Create(ctx, object, metav1.CreateOptions{FieldManager: "talos"})
	}
	if err != nil {
		return fmt.Errorf("apply %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

func decode(manifest []byte) ([]*unstructured.Unstructured, error) {
	reader := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifest)))
	var objects []*unstructured.Unstructured
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var content map[string]any
		if err := yaml.Unmarshal(doc, &content); err != nil {
			return nil, err
		}
		if len(content) > 0 { // a document of comments only
			objects = append(objects, &unstructured.Unstructured{Object: content})
		}
	}
}
