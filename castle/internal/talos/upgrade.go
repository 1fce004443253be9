package talos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Upgrade is what a user of "talosctl upgrade-k8s" chooses. The zero value is what talosctl does, but that it does not wait.
type Upgrade struct {
	// NoPrune keeps what the inventory lists and the machine config has no more: --manifests-no-prune.
	NoPrune bool
	// Force makes objects anew whose change is forbidden, for example a Job's template: --manifests-force.
	Force bool
	// Wait is how long to wait until what was changed is ready; 0 is not at all: --manifests-reconcile-timeout, there 5 minutes.
	Wait time.Duration
}

// pollInterval is how often a readiness is asked for. talosctl asks every two seconds.
const pollInterval = 200 * time.Millisecond

// UpgradeK8s does what "talosctl upgrade-k8s" does with the manifests when the version stays the same: it makes the cluster
// what the machine config says. It returns what it changed, also with an error. What talosctl repeats for three minutes,
// errors that may pass, is left to the caller.
//
// From 1.13 it is a server-side apply of everything, which takes over fields that others have changed (ForceOwnership in
// github.com/fluxcd/pkg/ssa, with which go-kubernetes does it), with the inventory policy AdoptIfNoInventory: what is another
// inventory's is an error. First everything is tried, so that a forbidden change leaves all as it was. In the end objects are
// pruned that the inventory lists and the machine config has no more.
//
// Up to 1.12 each object is created or, when it differs, replaced: see replaceAll.
func (a *Applier) UpgradeK8s(ctx context.Context, manifests []Manifest, u Upgrade) ([]ssa.ChangeSetEntry, error) {
	objects, err := a.objects(manifests)
	if err != nil {
		return nil, err
	}
	a.mapper.Reset()
	if a.version == CreateMissing {
		return a.replaceAll(ctx, objects)
	}
	manager, err := a.manager()
	if err != nil {
		return nil, err
	}
	changes, err := a.applyAll(ctx, manager, objects, u)
	if err != nil || u.Wait == 0 {
		return changes, err
	}
	var changed object.ObjMetadataSet
	for _, change := range changes {
		if change.Action == ssa.CreatedAction || change.Action == ssa.ConfiguredAction {
			changed = append(changed, change.ObjMetadata)
		}
	}
	err = manager.WaitForSetWithContext(ctx, changed, ssa.WaitOptions{Interval: pollInterval, Timeout: u.Wait, FailFast: true})
	if err != nil {
		return changes, fmt.Errorf("wait for what was changed: %w", err)
	}
	return changes, nil
}

func (a *Applier) manager() (*ssa.ResourceManager, error) {
	live, err := client.New(a.config, client.Options{Mapper: a.mapper})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return ssa.NewResourceManager(live, polling.NewStatusPoller(live, a.mapper, polling.Options{}), ssa.Owner{Field: fieldManager}), nil
}

// applyAll tries everything, then applies everything, then prunes.
func (a *Applier) applyAll(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured, u Upgrade) ([]ssa.ChangeSetEntry, error) {
	inventory, err := a.readInventory(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if err := own(o); err != nil {
			return nil, fmt.Errorf("apply %s %s: %w", o.GetKind(), path(o), err)
		}
	}
	for _, o := range objects {
		if err := try(ctx, manager, o, u); err != nil {
			return nil, err
		}
	}
	set, err := manager.ApplyAllStaged(ctx, objects, ssa.ApplyOptions{Force: u.Force, WaitInterval: pollInterval, WaitTimeout: cmp.Or(u.Wait, time.Minute)})
	for _, entry := range set.Entries {
		if !inventory.Contains(entry.ObjMetadata) {
			inventory = append(inventory, entry.ObjMetadata)
		}
	}
	if err := errors.Join(err, a.writeInventory(ctx, inventory)); err != nil || u.NoPrune {
		return set.Entries, err
	}
	pruned, err := a.prune(ctx, manager, inventory, inventory.Diff(object.UnstructuredSetToObjMetadataSet(objects)))
	return append(set.Entries, pruned...), err
}

// try finds out what the API server would say to an object. Only that something is not there yet, such as its Namespace, is
// no error.
func try(ctx context.Context, manager *ssa.ResourceManager, o *unstructured.Unstructured, u Upgrade) error {
	entry, live, _, err := manager.Diff(ctx, o, ssa.DiffOptions{Force: u.Force})
	switch {
	case err != nil && (apierrors.IsNotFound(err) || meta.IsNoMatchError(err) || strings.Contains(err.Error(), "not found")):
		return nil
	case err != nil:
		return fmt.Errorf("try to apply %s %s: %w", o.GetKind(), path(o), err)
	case entry.Action == ssa.ConfiguredAction:
		return adoptable(live)
	}
	return nil
}

// adoptable is the inventory policy AdoptIfNoInventory.
func adoptable(live *unstructured.Unstructured) error {
	if other, is := live.GetAnnotations()[owner]; is && other != InventoryName {
		return fmt.Errorf("%s %s belongs to the inventory %s: AdoptIfNoInventory", live.GetKind(), path(live), other)
	}
	return nil
}

// prune removes objects from the cluster, then from the inventory. One that belongs to another inventory ends it at once.
func (a *Applier) prune(ctx context.Context, manager *ssa.ResourceManager, inventory, obsolete object.ObjMetadataSet) ([]ssa.ChangeSetEntry, error) {
	var changes []ssa.ChangeSetEntry
	var problems []error
	for _, reference := range obsolete {
		mapping, err := a.mapper.RESTMapping(reference.GroupKind)
		if err != nil {
			return changes, fmt.Errorf("prune %s: %w", reference, err)
		}
		live, err := a.client.Resource(mapping.Resource).Namespace(reference.Namespace).Get(ctx, reference.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			inventory = inventory.Remove(reference)
			continue
		}
		if err == nil {
			err = adoptable(live)
		}
		if err != nil {
			return changes, fmt.Errorf("prune %s: %w", reference, err)
		}
		change, err := manager.Delete(ctx, live, ssa.DefaultDeleteOptions())
		if err != nil {
			problems = append(problems, err)
			continue
		}
		inventory = inventory.Remove(reference)
		changes = append(changes, *change)
	}
	return changes, errors.Join(append(problems, a.writeInventory(ctx, inventory))...)
}
