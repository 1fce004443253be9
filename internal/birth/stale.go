package birth

import (
	"context"
	"fmt"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

// applied is what seed did for one Kustomization.
type applied struct {
	// revision is that of the files which were built.
	revision string
	// created are the objects that were not there before.
	created []ssa.ChangeSetEntry
}

// remember keeps what was created for owner. Of a stage that fails, the library tells nothing: what it created
// before is left to people if Git drops it in the same moment.
func (b *Birth) remember(owner *kustomizev1.Kustomization, revision string, changes *ssa.ChangeSet) {
	if b.applied == nil {
		b.applied = map[types.NamespacedName]*applied{}
	}
	key := client.ObjectKeyFromObject(owner)
	if b.applied[key] == nil {
		b.applied[key] = &applied{}
	}
	b.applied[key].revision = revision
	for _, entry := range changes.Entries {
		if entry.Action == ssa.CreatedAction {
			b.applied[key].created = append(b.applied[key].created, entry)
		}
	}
}

// removeStale removes what seed created for a unit and Flux's first reconcile, of a newer revision, no longer
// has. Flux itself prunes only what its own inventory once listed. It happens once for each unit.
func (b *Birth) removeStale(ctx context.Context, unit follow.Unit) {
	mine := b.applied[unit.Key()]
	if unit.Part() || !unit.Ready || mine == nil {
		return
	}
	delete(b.applied, unit.Key())
	if unit.Revision == mine.revision || unit.Revision == "" {
		return
	}
	_ = b.step("remove what Git dropped from Kustomization "+unit.Name, func() (report.State, string, error) {
		removed, err := b.prune(ctx, unit.Key(), mine.created)
		if err != nil {
			b.event(ctx, "StaleObject", err.Error())
		}
		return report.Done, strings.Join(removed, ", "), err
	})
}

func (b *Birth) prune(ctx context.Context, owner types.NamespacedName, created []ssa.ChangeSetEntry) (removed []string, err error) {
	var live kustomizev1.Kustomization
	if err := b.Cluster.Get(ctx, owner, &live); err != nil {
		return nil, fmt.Errorf("reading the inventory of Kustomization %s: %w", owner, err)
	}
	if live.Status.LastAppliedRevision == "" || live.Status.Inventory == nil || len(live.Status.Inventory.Entries) == 0 {
		return nil, nil // no word of Flux on what belongs there: then nothing is removed
	}
	kept := map[string]bool{}
	for _, entry := range live.Status.Inventory.Entries {
		kept[entry.ID] = true
	}
	for _, entry := range created {
		if kept[entry.ObjMetadata.String()] || b.tooMuch(entry) {
			continue
		}
		done, err := b.remove(ctx, owner, entry)
		if err != nil {
			return removed, fmt.Errorf("removing %s, which seed applied and Git has no longer: %w", entry.Subject, err)
		}
		if done {
			removed = append(removed, entry.Subject)
		}
	}
	return removed, nil
}

// tooMuch tells of objects whose removal would take others along that are not seed's to delete: the root itself,
// and what holds the objects of others. They are left to people.
func (b *Birth) tooMuch(entry ssa.ChangeSetEntry) bool {
	switch entry.ObjMetadata.GroupKind.Kind {
	case "Namespace", "CustomResourceDefinition":
		return true
	case kustomizev1.KustomizationKind, b.Bundle.Source.GetObjectKind().GroupVersionKind().Kind:
		name := entry.ObjMetadata.Name
		return name == b.Bundle.Root.Name || name == b.Bundle.Source.GetName()
	}
	return false
}

// remove deletes one object if it is still the owner's, in the very state that was looked at.
func (b *Birth) remove(ctx context.Context, owner types.NamespacedName, entry ssa.ChangeSetEntry) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	version, err := schema.ParseGroupVersion(entry.GroupVersion)
	if err != nil {
		return false, err
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(version.WithKind(entry.ObjMetadata.GroupKind.Kind))
	key := types.NamespacedName{Namespace: entry.ObjMetadata.Namespace, Name: entry.ObjMetadata.Name}
	if err := b.Cluster.Get(ctx, key, object); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	group := kustomizev1.GroupVersion.Group
	if object.Labels[group+"/name"] != owner.Name || object.Labels[group+"/namespace"] != owner.Namespace || object.DeletionTimestamp != nil {
		return false, nil
	}
	for key, value := range map[string]string{"prune": kustomizev1.DisabledValue, "reconcile": kustomizev1.DisabledValue, "ssa": kustomizev1.IgnoreValue} {
		if strings.EqualFold(object.Labels[group+"/"+key], value) || strings.EqualFold(object.Annotations[group+"/"+key], value) {
			return false, nil // Flux would not prune it either
		}
	}
	precondition := client.Preconditions{UID: &object.UID, ResourceVersion: &object.ResourceVersion}
	err = b.Cluster.Delete(ctx, object, precondition, client.PropagationPolicy(metav1.DeletePropagationBackground))
	return err == nil, client.IgnoreNotFound(err)
}
