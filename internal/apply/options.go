package apply

import (
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/cluster"
)

// options are those of kustomize-controller with its default flags
// (https://github.com/fluxcd/kustomize-controller/blob/v1.9.5/internal/controller/kustomization_controller.go, apply).
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
		DriftIgnoreRules:     ignoreRules(owner.Spec.Ignore),
		Cleanup:              cleanup(),
		WaitInterval:         establishInterval,
		WaitTimeout:          establishTimeout,
	}
}

// ignoreRules are spec.ignore in the words of the library.
func ignoreRules(rules []kustomizev1.IgnoreRule) []jsondiff.IgnoreRule {
	var converted []jsondiff.IgnoreRule
	for _, rule := range rules {
		r := jsondiff.IgnoreRule{Paths: rule.Paths}
		if target := rule.Target; target != nil {
			r.Selector = &jsondiff.Selector{
				Group: target.Group, Version: target.Version, Kind: target.Kind, Name: target.Name, Namespace: target.Namespace,
				AnnotationSelector: target.AnnotationSelector, LabelSelector: target.LabelSelector,
			}
		}
		converted = append(converted, r)
	}
	return converted
}

// cleanup takes over what kubectl applied before, so that a field that Git drops disappears, but not from
// objects that are to be merged.
func cleanup() ssa.ApplyCleanupOptions {
	return ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation, "kustomize.toolkit.fluxcd.io/checksum", "fluxcd.io/sync-checksum"},
		Labels:      []string{"fluxcd.io/sync-gc-mark"},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: cluster.FluxManager, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{kustomizev1.GroupVersion.Group + "/ssa": kustomizev1.MergeValue},
	}
}
