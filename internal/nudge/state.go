package nudge

import (
	"maps"
	"slices"
	"strings"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
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
	blind          bool // Kustomizations are not known, so nothing can be judged
	wanted         map[live.Query]bool
	later          time.Time // when to look again, if ever
}

func (n *nudger) state() *state {
	s := &state{
		nudger: n, now: n.now(), whole: true, there: map[types.UID]bool{}, wanted: map[live.Query]bool{},
		kustomizations: map[types.NamespacedName]*kustomizev1.Kustomization{}, releases: map[types.NamespacedName]*helmv2.HelmRelease{},
	}
	for _, object := range s.all(kustomizationKind) {
		if k, ok := object.(*kustomizev1.Kustomization); ok {
			s.kustomizations[client.ObjectKeyFromObject(k)] = k
		}
	}
	if s.blind = !s.whole; s.blind {
		return s
	}
	tree := s.tree()
	for _, key := range slices.SortedFunc(maps.Keys(tree), byName) {
		if u := waiting(kustomizationKind, tree[key]); u != nil {
			s.units = append(s.units, u)
		}
	}
	s.takeParts(tree)
	return s
}

func byName(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }

// want is what q brings. It is watched from now on, as long as somebody wants it; false says that it is not known yet, or not
// any more: nobody is asked for what was there when it was known last.
func (s *state) want(q live.Query) ([]client.Object, bool) {
	s.wanted[q] = true
	objects, err := s.list(q)
	if err != nil {
		return nil, false
	}
	return objects, true
}

// tooEarly tells that c is good only later, and sees to it that somebody looks then.
func (s *state) tooEarly(c cause) bool {
	if !c.from.After(s.now) {
		return false
	}
	s.lookAt(c.from)
	return true
}

// lookAt sees to it that somebody looks at that time, or earlier.
func (s *state) lookAt(t time.Time) {
	if s.later.IsZero() || t.Before(s.later) {
		s.later = t
	}
}

// sourceRevision is that of the artifact that k's source has by now, "" if it has none or that is not known yet.
func (s *state) sourceRevision(k *kustomizev1.Kustomization) string {
	of := sourceOf(k)
	objects, _ := s.want(live.Query{Kind: sourcev1.GroupVersion.WithKind(of.kind)})
	for _, object := range objects {
		has, ok := object.(sourcev1.Source)
		if ok && client.ObjectKeyFromObject(object) == of.key && has.GetArtifact() != nil {
			return has.GetArtifact().Revision
		}
	}
	return ""
}
