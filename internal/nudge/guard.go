package nudge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Refusal is in what the ValidatingAdmissionPolicy of charts/seed-follow says of a change beside the annotation.
const Refusal = "seed follow changes nothing but an annotation"

// triedLabel is one that nobody gets: it is set in dry runs only.
const triedLabel = "seed.tazlab.net/tried"

// The pauses between two tries double from the first to the longest: a policy comes into force some moments after it was
// created, and one that is not there needs a person.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// guard holds all requests back until the API server has refused a change that they do not need. RBAC cannot grant one
// annotation only, and Helm creates a policy after the rights that it narrows: without it this account may write every spec.
// It is proven once, at the start: that is for an install that went wrong, not for somebody who takes the policy away.
type guard struct {
	proven func() // is told; nil tells nobody
	passed bool
	next   time.Time // no try before
	pause  time.Duration
	why    string // it has not passed, as it was told last
}

// mayAsk tells whether anybody may be asked.
func (n *nudger) mayAsk(ctx context.Context, s *state) bool {
	g := n.guard
	if g == nil || g.passed {
		return true
	}
	on := s.sample()
	if on == nil {
		return false // there is nobody to ask for either, and the cache tells when somebody comes
	}
	if !g.next.After(s.now) {
		g.pause = min(max(2*g.pause, firstPause), longestPause)
		err := n.tryToLabel(ctx, on)
		g.next = n.now().Add(g.pause)
		n.judgeTry(ctx, err)
	}
	if !g.passed {
		s.lookAt(g.next)
	}
	return g.passed
}

// judgeTry tells what came of a try: err is why it proves nothing.
func (n *nudger) judgeTry(ctx context.Context, err error) {
	g := n.guard
	switch {
	case err == nil:
		g.passed = true
		n.log.Info("the policy is in force: this account may change nothing but the annotation that asks")
		if g.proven != nil {
			g.proven()
		}
	case ctx.Err() == nil && err.Error() != g.why:
		g.why = err.Error()
		n.log.Warn("nothing is asked for: no policy is seen to leave this account one annotation", "err", err,
			"next", "look whether the ValidatingAdmissionPolicy of charts/seed-follow and its binding are there, and what the release of the chart says; it is tried again")
	}
}

// tryToLabel asks for a label on k, as a dry run. It returns why the answer is no proof that the policy is in force; nil is one.
func (n *nudger) tryToLabel(ctx context.Context, k client.Object) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: k.GetNamespace(), Name: k.GetName()}}
	object.SetGroupVersionKind(kustomizationKind)
	// Another value each time: to set what is there already would be no change, which the policy lets pass.
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, triedLabel, strconv.FormatInt(n.now().UnixNano(), 10))
	err := n.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(Manager), client.DryRunAll)
	name := client.ObjectKeyFromObject(k)
	switch {
	case err == nil:
		return fmt.Errorf("the API server would let this account set a label of Kustomization %s", name)
	case (apierrors.IsInvalid(err) || apierrors.IsForbidden(err)) && strings.Contains(err.Error(), Refusal):
		return nil
	}
	return fmt.Errorf("trying to set a label of Kustomization %s, as a dry run: %w", name, err)
}

// sample is a Kustomization of the tree, a root if one is named; nil if there is none.
func (s *state) sample() client.Object {
	for _, root := range s.roots() {
		if k := s.kustomizations[root]; k != nil {
			return k
		}
	}
	tree := s.tree()
	if len(tree) == 0 {
		return nil
	}
	return tree[slices.MinFunc(slices.Collect(maps.Keys(tree)), byName)]
}
