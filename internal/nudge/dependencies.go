package nudge

import (
	"fmt"
	"maps"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// dependenciesMet follows kustomize-controller's checkDependencies: a dependency from k's own source must have applied the
// revision that this source has now. An expression is left to Flux: whatever changes of its dependency may be what it
// asks about.
// https://github.com/fluxcd/kustomize-controller/blob/v1.9.5/internal/controller/kustomization_controller.go
func dependenciesMet(s *state, k *kustomizev1.Kustomization) cause {
	var ids, texts []string
	var revision string
	for _, ref := range k.Spec.DependsOn {
		key := types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}
		if key.Namespace == "" {
			key.Namespace = k.Namespace
		}
		dependency := s.live[key]
		switch {
		case dependency == nil:
			return cause{}
		case ref.ReadyExpr != "":
			ids, texts = append(ids, everything(dependency)), append(texts, key.String()+" has changed")
			continue
		case dependency.Generation != dependency.Status.ObservedGeneration || !apimeta.IsStatusConditionTrue(dependency.Status.Conditions, meta.ReadyCondition):
			return cause{}
		}
		applied := dependency.Status.LastAppliedRevision
		if sourceOf(k) == sourceOf(dependency) {
			if applied == "" || revision != "" && revision != applied {
				return cause{}
			}
			revision = applied
		}
		ids, texts = append(ids, readiness(dependency)), append(texts, fmt.Sprintf("%s is Ready at %s", key, applied))
	}
	return cause{id: strings.Join(ids, "\n"), text: strings.Join(texts, ", "), revision: revision}
}

// readiness is another one each time that dependency becomes Ready, and at each revision.
func readiness(dependency *kustomizev1.Kustomization) string {
	ready := apimeta.FindStatusCondition(dependency.Status.Conditions, meta.ReadyCondition)
	return fmt.Sprintln(dependency.UID, dependency.Generation, dependency.Status.LastAppliedRevision, ready.LastTransitionTime.UTC())
}

// everything is another one with each change of k, but for a request to reconcile it and Flux's answer to that: two
// Kustomizations that wait for each other would be asked for ever.
func everything(k *kustomizev1.Kustomization) string {
	annotations, status := maps.Clone(k.Annotations), k.Status
	delete(annotations, meta.ReconcileRequestAnnotation)
	return fmt.Sprintln(k.UID, k.Generation, k.Labels, annotations,
		status.Conditions, status.ObservedGeneration, status.LastAppliedRevision, status.LastAttemptedRevision)
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
