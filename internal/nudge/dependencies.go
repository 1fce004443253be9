package nudge

import (
	"context"
	"fmt"
	"maps"
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
	for _, ref := range dependsOn(u) {
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
			ids, texts = append(ids, d.everything()), append(texts, key.String()+" has changed")
			continue
		case d.GetGeneration() != d.observedGeneration || !apimeta.IsStatusConditionTrue(d.conditions, meta.ReadyCondition):
			return cause{}
		case shares != nil && (d.revision == "" || d.revision != wanted):
			return cause{}
		}
		ids, texts = append(ids, d.readiness()), append(texts, fmt.Sprintf("%s is Ready at %s", key, d.revision))
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

// readiness is another one each time that d becomes Ready, and at each revision.
func (d *dependency) readiness() string {
	ready := apimeta.FindStatusCondition(d.conditions, meta.ReadyCondition)
	return fmt.Sprintln(d.GetUID(), d.GetGeneration(), d.revision, ready.LastTransitionTime.UTC())
}

// everything is another one with each change of d, but for a request to reconcile it and Flux's answer to that: two that
// wait for each other would be asked for ever.
func (d *dependency) everything() string {
	annotations := maps.Clone(d.GetAnnotations())
	delete(annotations, meta.ReconcileRequestAnnotation)
	tried := ""
	if k, ok := d.Object.(*kustomizev1.Kustomization); ok {
		tried = k.Status.LastAttemptedRevision
	}
	return fmt.Sprintln(d.GetUID(), d.GetGeneration(), d.GetLabels(), annotations, d.conditions, d.observedGeneration, d.revision, tried)
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
