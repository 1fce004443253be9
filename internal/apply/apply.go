// Package apply writes built objects to the cluster exactly as kustomize-controller will: server-side
// apply with its field manager and the owner labels of the Kustomization that owns the object, so that
// Flux' first own reconcile finds its work done.
package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/clusterreader"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/object"
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
	// concurrency is how many objects are applied at once, as kustomize-controller's --concurrent-ssa.
	concurrency = 4
)

// Applier applies objects to one cluster.
type Applier struct{ manager *ssa.ResourceManager }

// New makes an Applier that writes through live.
func New(live client.Client) *Applier {
	poller := polling.NewStatusPoller(live, live.RESTMapper(), polling.Options{
		ClusterReaderFactory: engine.ClusterReaderFactoryFunc(clusterreader.NewDirectClusterReader), // no list of a whole kind
	})
	manager := ssa.NewResourceManager(live, poller, ssa.Owner{
		Field: cluster.FluxManager,
		Group: kustomizev1.GroupVersion.Group,
	})
	manager.SetConcurrency(concurrency)
	return &Applier{manager}
}

// Apply applies objects on behalf of owner, the Kustomization whose build they come from: first
// Namespaces, CRDs and ClusterRoles, then kinds whose name ends with "Class", each when those before it
// are ready, and then the rest. It returns what changed; with an error, what the stages before it changed: of the
// one that failed the library tells nothing.
func (a *Applier) Apply(ctx context.Context, owner *kustomizev1.Kustomization, objects []*unstructured.Unstructured) (*ssa.ChangeSet, error) {
	changes := ssa.NewChangeSet()
	if err := a.prepare(owner, objects); err != nil {
		return changes, fmt.Errorf("preparing the objects of Kustomization %s/%s: %w", owner.Namespace, owner.Name, err)
	}
	for _, stage := range stages(objects) {
		done, err := a.applyAll(ctx, stage, options(owner))
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

// applyAll applies one stage, and what was there and is changed once more: where an object had no managed fields, as the bare
// Namespace of a claim, the API server notes what was there under "before-first-apply" in the first apply, and
// Flux would find that to take over.
func (a *Applier) applyAll(ctx context.Context, stage []*unstructured.Unstructured, options ssa.ApplyOptions) (*ssa.ChangeSet, error) {
	done, err := a.manager.ApplyAll(ctx, stage, options)
	if err != nil {
		return nil, err
	}
	changed := map[object.ObjMetadata]bool{}
	for _, entry := range done.Entries {
		changed[entry.ObjMetadata] = entry.Action == ssa.ConfiguredAction
	}
	again := slices.DeleteFunc(slices.Clone(stage), func(u *unstructured.Unstructured) bool {
		return !changed[object.UnstructuredToObjMetadata(u)]
	})
	if len(again) > 0 {
		_, err = a.manager.ApplyAll(ctx, again, options)
	}
	return done, err
}

// stages are the objects in the order of pkg/ssa's ApplyAllStaged, whose waits do not end with a context.
func stages(objects []*unstructured.Unstructured) [][]*unstructured.Unstructured {
	var definitions, classes, rest []*unstructured.Unstructured
	for _, object := range objects {
		switch {
		case ssautil.IsClusterDefinition(object):
			definitions = append(definitions, object)
		case ssautil.IsClassDefinition(object):
			classes = append(classes, object)
		default:
			rest = append(rest, object)
		}
	}
	return slices.DeleteFunc([][]*unstructured.Unstructured{definitions, classes, rest}, func(stage []*unstructured.Unstructured) bool {
		return len(stage) == 0
	})
}

// prepare gives the objects what kustomize-controller gives them between build and apply.
func (a *Applier) prepare(owner *kustomizev1.Kustomization, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		if err := readable(object); err != nil {
			return err
		}
	}
	a.manager.SetOwnerLabels(objects, owner.Name, owner.Namespace)
	if err := normalize.UnstructuredList(objects); err != nil {
		return err
	}
	if common := owner.Spec.CommonMetadata; common != nil {
		ssautil.SetCommonMetadata(objects, common.Labels, common.Annotations)
	}
	return nil
}

// readable refuses a Secret that is encrypted with SOPS: applied as it is, it would hold ciphertext.
func readable(object *unstructured.Unstructured) error {
	_, encrypted := object.Object["sops"]
	disabled := object.GetAnnotations()[kustomizev1.GroupVersion.Group+"/decrypt"]
	if !encrypted || !ssautil.IsSecret(object) || strings.EqualFold(disabled, kustomizev1.DisabledValue) {
		return nil
	}
	return fmt.Errorf("Secret %s/%s is encrypted with SOPS, which seed does not decrypt: move it to a unit that is left to Flux", object.GetNamespace(), object.GetName())
}

// established waits, as long as ctx lives, for the definitions that later stages need.
func (a *Applier) established(ctx context.Context, stage []*unstructured.Unstructured, done *ssa.ChangeSet) error {
	if !ssautil.IsClusterDefinition(stage[0]) && !ssautil.IsClassDefinition(stage[0]) {
		return nil
	}
	return a.manager.WaitForSetWithContext(ctx, done.ToObjMetadataSet(), ssa.WaitOptions{
		Interval: establishInterval,
		Timeout:  establishTimeout,
	})
}
