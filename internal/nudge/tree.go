package nudge

import (
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

var (
	kustomizationKind = kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind)
	releaseKind       = helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind)
)

// partKinds are what a Kustomization brings that may be asked.
var partKinds = []schema.GroupVersionKind{
	releaseKind,
	sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind),
	sourcev1.GroupVersion.WithKind(sourcev1.OCIRepositoryKind),
	sourcev1.GroupVersion.WithKind(sourcev1.HelmRepositoryKind),
	sourcev1.GroupVersion.WithKind(sourcev1.BucketKind),
	esv1.SchemeGroupVersion.WithKind(esv1.ExtSecretKind),
}

// all are the objects of kind.
func (s *state) all(kind schema.GroupVersionKind) []client.Object {
	objects, known := s.want(live.Query{Kind: kind})
	s.whole = s.whole && known
	for _, object := range objects {
		s.there[object.GetUID()] = true
	}
	return objects
}

// tree are the Kustomizations that the roots brought, and the roots. Their owner labels say so, before any inventory does.
func (s *state) tree() map[types.NamespacedName]*kustomizev1.Kustomization {
	roots := map[types.NamespacedName]bool{}
	for _, root := range s.roots() {
		roots[root] = true
	}
	if len(roots) == 0 {
		return s.kustomizations
	}
	tree := map[types.NamespacedName]*kustomizev1.Kustomization{}
	for key, k := range s.kustomizations {
		up := key
		for range s.kustomizations { // no way up is longer
			if roots[up] {
				tree[key] = k
				break
			}
			above := s.kustomizations[up]
			if above == nil {
				break
			}
			up = owner(above)
		}
	}
	return tree
}

// owner is the Kustomization that brought object.
func owner(object client.Object) types.NamespacedName {
	group, labels := kustomizev1.GroupVersion.Group, object.GetLabels()
	return types.NamespacedName{Namespace: labels[group+"/namespace"], Name: labels[group+"/name"]}
}

// takeParts adds what else the tree has brought.
func (s *state) takeParts(tree map[types.NamespacedName]*kustomizev1.Kustomization) {
	for _, kind := range partKinds {
		if !has(tree, kind) {
			continue
		}
		for _, object := range s.all(kind) {
			if release, ok := object.(*helmv2.HelmRelease); ok { // one of another tree may be waited for too
				s.releases[client.ObjectKeyFromObject(release)] = release
			}
			if tree[owner(object)] == nil && !feeds(tree, kind, object) {
				continue
			}
			if u := waiting(kind, object); u != nil {
				s.units = append(s.units, u)
			}
		}
	}
}

// feeds tells whether a Kustomization of the tree takes its content from object. The source of a root need not be in Git.
func feeds(tree map[types.NamespacedName]*kustomizev1.Kustomization, kind schema.GroupVersionKind, object client.Object) bool {
	if kind.Group != sourcev1.GroupVersion.Group {
		return false
	}
	of := source{kind.Kind, client.ObjectKeyFromObject(object)}
	for _, k := range tree {
		if sourceOf(k) == of {
			return true
		}
	}
	return false
}

// has tells whether an inventory lists one of kind, or somebody waits for one: before the first inventory there is only
// the root, and its source.
func has(tree map[types.NamespacedName]*kustomizev1.Kustomization, kind schema.GroupVersionKind) bool {
	// https://github.com/fluxcd/cli-utils/blob/v1.2.3/pkg/object/objmetadata.go
	suffix := "_" + kind.Group + "_" + kind.Kind
	for _, k := range tree {
		ready := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
		if kind.Group == sourcev1.GroupVersion.Group && k.Spec.SourceRef.Kind == kind.Kind && ready != nil && ready.Reason == meta.ArtifactFailedReason {
			return true
		}
		if k.Status.Inventory == nil {
			continue
		}
		for _, entry := range k.Status.Inventory.Entries {
			if strings.HasSuffix(entry.ID, suffix) {
				return true
			}
		}
	}
	return false
}
