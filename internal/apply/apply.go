// Package apply writes built objects to the cluster exactly as kustomize-controller will: server-side
// apply with its field manager and the owner labels of the Kustomization that owns the object, so that
// Flux' first own reconcile finds its work done.
package apply

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

const (
	// establishInterval is how often a stage's readiness is read, establishTimeout bounds it; CRDs are
	// established within a fraction of a second.
	establishInterval = 100 * time.Millisecond
	establishTimeout  = 60 * time.Second
)

// Applier applies objects to one cluster.
type Applier struct{ manager *ssa.ResourceManager }

// New makes an Applier that writes through live.
func New(live client.Client) *Applier {
	poller := polling.NewStatusPoller(live, live.RESTMapper(), polling.Options{})
	return &Applier{ssa.NewResourceManager(live, poller, ssa.Owner{
		Field: cluster.FluxManager,
		Group: kustomizev1.GroupVersion.Group,
	})}
}

// Apply applies objects on behalf of owner, the Kustomization whose build they come from: first
// Namespaces, CRDs and ClusterRoles, and when these are ready, the rest. It returns what changed.
func (a *Applier) Apply(ctx context.Context, owner *kustomizev1.Kustomization, objects []*unstructured.Unstructured) (*ssa.ChangeSet, error) {
	changes := ssa.NewChangeSet()
	if err := a.prepare(owner, objects); err != nil {
		return changes, fmt.Errorf("preparing the objects of Kustomization %s/%s: %w", owner.Namespace, owner.Name, err)
	}
	var definitions, rest []*unstructured.Unstructured
	for _, object := range objects {
		if ssautil.IsClusterDefinition(object) {
			definitions = append(definitions, object)
		} else {
			rest = append(rest, object)
		}
	}
	for _, stage := range [][]*unstructured.Unstructured{definitions, rest} {
		if len(stage) == 0 {
			continue
		}
		done, err := a.manager.ApplyAll(ctx, stage, options(owner))
		if err != nil {
			return changes, fmt.Errorf("applying the objects of Kustomization %s/%s: %w", owner.Namespace, owner.Name, err)
		}
		changes.Append(done.Entries)
		if err := a.established(ctx, stage, done); err != nil {
			return changes, fmt.Errorf("waiting for the definitions of Kustomization %s/%s: %w", owner.Namespace, owner.Name, err)
		}
	}
	return changes, nil
}

// prepare gives the objects what kustomize-controller gives them between build and apply.
func (a *Applier) prepare(owner *kustomizev1.Kustomization, objects []*unstructured.Unstructured) error {
	if err := normalize.UnstructuredList(objects); err != nil {
		return err
	}
	a.manager.SetOwnerLabels(objects, owner.Name, owner.Namespace)
	if common := owner.Spec.CommonMetadata; common != nil {
		ssautil.SetCommonMetadata(objects, common.Labels, common.Annotations)
	}
	return nil
}

// established waits, as long as ctx lives, for the definitions that later stages need.
func (a *Applier) established(ctx context.Context, stage []*unstructured.Unstructured, done *ssa.ChangeSet) error {
	if !ssautil.IsClusterDefinition(stage[0]) {
		return nil
	}
	return a.manager.WaitForSetWithContext(ctx, done.ToObjMetadataSet(), ssa.WaitOptions{
		Interval: establishInterval,
		Timeout:  establishTimeout,
	})
}

// options are those of kustomize-controller's apply that concern objects which it does not manage yet.
func options(owner *kustomizev1.Kustomization) ssa.ApplyOptions {
	group := kustomizev1.GroupVersion.Group
	return ssa.ApplyOptions{
		Force: owner.Spec.Force,
		ExclusionSelector: map[string]string{
			group + "/reconcile": kustomizev1.DisabledValue,
			group + "/ssa":       kustomizev1.IgnoreValue,
		},
		IfNotPresentSelector: map[string]string{group + "/ssa": kustomizev1.IfNotPresentValue},
		ForceSelector:        map[string]string{group + "/force": kustomizev1.EnabledValue},
		WaitInterval:         establishInterval,
		WaitTimeout:          establishTimeout,
	}
}
