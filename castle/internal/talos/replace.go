package talos

import (
	"context"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
)

// replaceAll is "talosctl upgrade-k8s" up to 1.12, in go-kubernetes manifests.Sync (kubernetes/manifests/sync.go): object by
// object in the manifests' order, without Namespaces and CRDs first, what is missing is created and what differs is replaced
// by an update of the whole object. Nothing is pruned, no inventory is kept, and the first error ends it. A Job that still
// exists cannot be replaced, even by itself: its selector and its Pods' labels, which the API server made up, would be gone.
// talosctl looks by a dry run whether an object differs; an update that changes nothing comes to the same.
func (a *Applier) replaceAll(ctx context.Context, objects []*unstructured.Unstructured) ([]ssa.ChangeSetEntry, error) {
	var changes []ssa.ChangeSetEntry
	for _, o := range objects {
		action, err := a.replace(ctx, o)
		if apierrors.IsInvalid(err) && o.GetKind() == "Job" {
			return changes, fmt.Errorf("replace Job %s, which still exists: talosctl cannot up to 1.12; try again when it is deleted or its TTL has removed it: %w", path(o), err)
		}
		if err != nil {
			return changes, fmt.Errorf("replace %s %s: %w", o.GetKind(), path(o), err)
		}
		changes = append(changes, ssa.ChangeSetEntry{
			ObjMetadata: object.UnstructuredToObjMetadata(o), GroupVersion: o.GetAPIVersion(), Subject: utils.FmtUnstructured(o), Action: action,
		})
	}
	return changes, nil
}

func (a *Applier) replace(ctx context.Context, o *unstructured.Unstructured) (action ssa.Action, err error) {
	resource, err := a.resource(o)
	if err != nil {
		return ssa.UnknownAction, err
	}
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			action = ssa.CreatedAction
			_, err = resource.Create(ctx, o, metav1.CreateOptions{})
			return err
		}
		if err != nil {
			return err
		}
		o.SetResourceVersion(live.GetResourceVersion())
		updated, err := resource.Update(ctx, o, metav1.UpdateOptions{})
		if err != nil {
			return err
		}
		action = ssa.ConfiguredAction
		if updated.GetResourceVersion() == live.GetResourceVersion() {
			action = ssa.UnchangedAction
		}
		return nil
	})
	return action, err
}
