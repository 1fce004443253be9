package nudge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// waitsForDependency: kustomize-controller and helm-controller have the same reason.
func waitsForDependency(u *unit) bool { return u.failed.Reason == meta.DependencyNotReadyReason }

// dependency is one of a unit's dependencies, as its controller looks at it.
type dependency struct {
	client.Object
	conditions         []metav1.Condition
	observedGeneration int64
	revision           string // what it applied, or tried to
}

// dependenciesMet follows the checkDependencies of kustomize-controller and helm-controller. An expression is left to them:
// whatever changes of its dependency may be what it asks about. It needs no time: the failure itself says that they were not.
// https://github.com/fluxcd/kustomize-controller/blob/v1.9.5/internal/controller/kustomization_controller.go
// https://github.com/fluxcd/helm-controller/blob/v1.6.2/internal/controller/helmrelease_controller.go
func dependenciesMet(_ context.Context, s *state, u *unit) cause {
	var ids, texts []string
	var wanted string // the revision of the source, where a dependency has the same one
	refs := dependsOn(u)
	// Flux may find an expression false for ever. That another dependency is Ready once more, as after each of its intervals,
	// is no news then.
	moments := !slices.ContainsFunc(refs, func(ref meta.DependencyReference) bool { return ref.ReadyExpr != "" })
	for _, ref := range refs {
		key := types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}
		if key.Namespace == "" {
			key.Namespace = u.GetNamespace()
		}
		d := s.dependency(u, key)
		shares := withSourceOf(u, d)
		if shares != nil {
			wanted = s.sourceRevision(shares) // from now on it is watched
		}
		switch {
		case d == nil:
			return cause{}
		case ref.ReadyExpr != "":
			ids, texts = append(ids, s.everything(d)), append(texts, key.String()+" has changed")
			continue
		case d.GetGeneration() != d.observedGeneration || !apimeta.IsStatusConditionTrue(d.conditions, meta.ReadyCondition):
			return cause{}
		case shares != nil && (d.revision == "" || d.revision != wanted):
			return cause{}
		}
		ids, texts = append(ids, d.readiness(moments)), append(texts, fmt.Sprintf("%s is Ready at %s", key, d.revision))
	}
	return cause{id: strings.Join(ids, "\n"), text: strings.Join(texts, ", ")}
}

func dependsOn(u *unit) []meta.DependencyReference {
	switch o := u.Object.(type) {
	case *kustomizev1.Kustomization:
		return o.Spec.DependsOn
	case *helmv2.HelmRelease:
		return o.Spec.DependsOn
	}
	return nil
}

// dependency is one of u's kind: nothing depends on another kind.
func (s *state) dependency(u *unit, key types.NamespacedName) *dependency {
	if u.kind == releaseKind {
		if r := s.releases[key]; r != nil {
			return &dependency{Object: r, conditions: r.Status.Conditions, observedGeneration: r.Status.ObservedGeneration, revision: r.Status.LastAttemptedRevision}
		}
		return nil
	}
	if k := s.kustomizations[key]; k != nil {
		return &dependency{Object: k, conditions: k.Status.Conditions, observedGeneration: k.Status.ObservedGeneration, revision: k.Status.LastAppliedRevision}
	}
	return nil
}

// readiness is another one at each revision and, if moments count, each time that d becomes Ready.
func (d *dependency) readiness(moments bool) string {
	id := fmt.Sprintln(d.GetUID(), d.GetGeneration(), d.revision)
	if ready := apimeta.FindStatusCondition(d.conditions, meta.ReadyCondition); moments && ready != nil {
		id += ready.LastTransitionTime.UTC().String()
	}
	return id
}

// everything is another one with each change of d that lasts, but for a request to reconcile it and Flux's answer to that: two
// that wait for each other would be asked for ever. So would be who waits for one that is reconciled at an interval: what d says
// while its controller is at work does not count, nor when it said it.
func (s *state) everything(d *dependency) string {
	annotations := maps.Clone(d.GetAnnotations())
	delete(annotations, meta.ReconcileRequestAnnotation)
	tried := ""
	if k, ok := d.Object.(*kustomizev1.Kustomization); ok {
		tried = k.Status.LastAttemptedRevision
	}
	if !d.atWork() {
		s.said[d.GetUID()] = d.says()
	}
	return fmt.Sprintln(d.GetUID(), d.GetGeneration(), d.GetLabels(), annotations, s.said[d.GetUID()], d.observedGeneration, d.revision, tried)
}

// atWork tells that d's controller has begun to reconcile it. helm-controller leaves Ready as it is at first.
func (d *dependency) atWork() bool {
	ready := apimeta.FindStatusCondition(d.conditions, meta.ReadyCondition)
	return ready == nil || ready.Status == metav1.ConditionUnknown ||
		ready.Status == metav1.ConditionTrue && apimeta.IsStatusConditionTrue(d.conditions, meta.ReconcilingCondition)
}

// says are d's conditions without their moments.
func (d *dependency) says() string {
	var all []string
	for _, c := range d.conditions {
		all = append(all, fmt.Sprintln(c.Type, c.Status, c.Reason, c.Message, c.ObservedGeneration))
	}
	return strings.Join(all, "")
}

// withSourceOf is u if it is a Kustomization of d's source: then kustomize-controller wants the revision that the source has.
// helm-controller asks for no revision.
func withSourceOf(u *unit, d *dependency) *kustomizev1.Kustomization {
	if d == nil {
		return nil
	}
	k, ok := u.Object.(*kustomizev1.Kustomization)
	other, also := d.Object.(*kustomizev1.Kustomization)
	if ok && also && sourceOf(k) == sourceOf(other) {
		return k
	}
	return nil
}

// source is what a sourceRef names.
type source struct {
	kind string
	key  types.NamespacedName
}

// sourceOf leaves the version out, as kustomize-controller does when it compares.
func sourceOf(k *kustomizev1.Kustomization) source {
	ref := k.Spec.SourceRef
	key := client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}
	if key.Namespace == "" {
		key.Namespace = k.Namespace
	}
	return source{kind: ref.Kind, key: key}
}
