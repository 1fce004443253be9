package talos

import (
	"context"
	"errors"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// collected is an error of one object that does not keep the pass from the next. Any other error ends the pass.
type collected struct{ error }

// Unwrap returns what the API server said.
func (c collected) Unwrap() error { return c.error }

// pass goes through the objects once.
func (a *Applier) pass(ctx context.Context, objects []*unstructured.Unstructured) error {
	if a.Turns != nil {
		a.Turns.Lock()
		defer a.Turns.Unlock()
	}
	a.mapper.Reset()
	if a.version == CreateMissing {
		_, err := a.each(ctx, objects, nil)
		return err
	}
	inventory, err := a.readInventory(ctx)
	if err != nil {
		return err
	}
	// A pass that was aborted has an empty inventory, and Talos writes it: then what is missing is created once more.
	inventory, err = a.each(ctx, objects, inventory)
	return errors.Join(err, a.writeInventory(ctx, inventory))
}

// each returns the inventory with all objects that are there. It is empty when the pass was aborted.
func (a *Applier) each(ctx context.Context, objects []*unstructured.Unstructured, inventory object.ObjMetadataSet) (object.ObjMetadataSet, error) {
	var problems []error
	for _, o := range objects {
		o = o.DeepCopy()
		err := a.one(ctx, o, inventory)
		if err != nil {
			err = fmt.Errorf("apply %s %s: %w", o.GetKind(), path(o), err)
			problems = append(problems, err)
			if _, goOn := errors.AsType[collected](err); !goOn {
				return nil, errors.Join(problems...)
			}
			continue
		}
		if reference := object.UnstructuredToObjMetadata(o); !inventory.Contains(reference) {
			inventory = append(inventory, reference)
		}
	}
	return inventory, errors.Join(problems...)
}

func path(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetName()
	}
	return o.GetNamespace() + "/" + o.GetName()
}

// one sees to it that an object was there at least once.
func (a *Applier) one(ctx context.Context, o *unstructured.Unstructured, inventory object.ObjMetadataSet) error {
	resource, err := a.resource(o)
	if err != nil || inventory.Contains(object.UnstructuredToObjMetadata(o)) {
		return err
	}
	_, err = resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err == nil || !apierrors.IsNotFound(err) {
		return err // what exists is never changed
	}
	if a.version == CreateMissing {
		_, err = resource.Create(ctx, o, metav1.CreateOptions{FieldManager: fieldManager})
	} else if err = own(o); err == nil {
		_, err = resource.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: fieldManager})
	}
	switch {
	case apierrors.IsAlreadyExists(err): // with Create, from another hand
		return nil
	case apierrors.IsMethodNotSupported(err), apierrors.IsBadRequest(err), apierrors.IsInvalid(err):
		return collected{err}
	}
	return err
}

// resource finds where the object belongs, and sets or removes its namespace accordingly.
func (a *Applier) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	mapping, err := a.mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsInvalid(err), meta.IsNoMatchError(err):
		return nil, collected{err}
	case err != nil:
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		if a.version != CreateMissing { // Talos 1.12 leaves it to the API server to refuse
			o.SetNamespace("")
		}
		return a.client.Resource(mapping.Resource), nil
	}
	if o.GetNamespace() == "" {
		o.SetNamespace(metav1.NamespaceDefault)
	}
	return a.client.Resource(mapping.Resource).Namespace(o.GetNamespace()), nil
}
