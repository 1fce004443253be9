package nudge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// state is what is known at one moment.
type state struct {
	*nudger
	now            time.Time
	kustomizations map[types.NamespacedName]*kustomizev1.Kustomization
	releases       map[types.NamespacedName]*helmv2.HelmRelease
	units          []*unit // of the tree, that wait
	there          map[types.UID]bool
	whole          bool // nothing is missing in there
	wanted         map[live.Query]bool
	later          time.Time // when to look again, if ever
	sources        map[source]revisionOf
}

// revisionOf is what was read of a source.
type revisionOf struct {
	revision string
	err      error
}

func (n *nudger) state() *state {
	s := &state{
		nudger: n, now: n.now(), whole: true, there: map[types.UID]bool{}, wanted: map[live.Query]bool{}, sources: map[source]revisionOf{},
		kustomizations: map[types.NamespacedName]*kustomizev1.Kustomization{}, releases: map[types.NamespacedName]*helmv2.HelmRelease{},
	}
	for _, object := range s.all(kustomizationKind) {
		if k, ok := object.(*kustomizev1.Kustomization); ok {
			s.kustomizations[client.ObjectKeyFromObject(k)] = k
		}
	}
	tree := s.tree()
	for _, key := range slices.SortedFunc(maps.Keys(tree), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }) {
		if u := waiting(kustomizationKind, tree[key]); u != nil {
			s.units = append(s.units, u)
		}
	}
	s.takeParts(tree)
	return s
}

// want is what q brings. It is watched from now on, as long as somebody wants it; false says that it is not known yet.
func (s *state) want(q live.Query) ([]client.Object, bool) {
	s.wanted[q] = true
	objects, err := s.list(q)
	return objects, err == nil
}

// tooEarly tells that c is good only later, and sees to it that somebody looks then.
func (s *state) tooEarly(c cause) bool {
	if !c.from.After(s.now) {
		return false
	}
	if s.later.IsZero() || c.from.Before(s.later) {
		s.later = c.from
	}
	return true
}

// current tells whether revision, if it matters, is the one that u's source has now.
func (s *state) current(ctx context.Context, u *unit, revision string) (bool, error) {
	k, ok := u.Object.(*kustomizev1.Kustomization)
	if revision == "" || !ok {
		return true, nil
	}
	of := sourceOf(k)
	if _, known := s.sources[of]; !known {
		has, err := s.revision(ctx, of)
		s.sources[of] = revisionOf{has, err}
	}
	return s.sources[of].revision == revision, s.sources[of].err
}

// revision is that of the source's artifact, "" if it has none.
func (s *state) revision(ctx context.Context, of source) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(sourcev1.GroupVersion.WithKind(of.kind))
	if err := s.client.Get(ctx, of.key, object); err != nil {
		return "", fmt.Errorf("reading the revision of %s %s: %w", of.kind, of.key, err)
	}
	revision, _, err := unstructured.NestedString(object.Object, "status", "artifact", "revision")
	return revision, err
}
