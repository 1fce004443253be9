package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// checks tells whether a unit is Ready only when an object is, by the rules for its kind
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#wait).
func (u *Unit) checks(o *Object) bool {
	gvk := o.GroupVersionKind()
	listed := slices.ContainsFunc(u.Spec.HealthChecks, func(ref meta.NamespacedObjectKindReference) bool {
		gk := schema.FromAPIVersionAndKind(cmp.Or(ref.APIVersion, "apps/v1"), ref.Kind).GroupKind()
		return gk == gvk.GroupKind() && ref.Name == o.GetName() && ref.Namespace == o.GetNamespace()
	})
	if u.Spec.Wait { // then healthChecks are ignored
		listed = o.Unit == u && slices.Contains(u.Objects, o)
	}
	if !listed {
		return false
	}
	ruled := slices.ContainsFunc(u.Spec.HealthCheckExprs, func(own kustomize.CustomHealthCheck) bool {
		gk := schema.FromAPIVersionAndKind(own.APIVersion, own.Kind).GroupKind()
		return gk.Group == gvk.Group && (gk.Kind == "" || gk.Kind == gvk.Kind)
	})
	return !ruled && !o.skipped()
}

// needed tells whether an object is Ready only when the Pod that waits runs.
func (w wait) needed() bool {
	replicas, scaled, _ := unstructured.NestedFieldNoCopy(w.Object.Object, "spec", "replicas")
	if _, known := replicas.(int64); scaled && !known {
		return false
	}
	switch gvk := w.GroupVersionKind(); gvk.Group + " " + gvk.Kind {
	case "apps Deployment", "batch Job", " Pod":
		return true
	case "apps StatefulSet":
		return w.text("spec", "updateStrategy", "type") != "OnDelete"
	}
	return false // of a DaemonSet that no node takes nothing is waited for
}

// skipped tells whether Flux leaves an object alone. Helm asks for no such marks.
func (o *Object) skipped() bool {
	is := func(marks map[string]string) bool {
		return strings.EqualFold(marks["kustomize.toolkit.fluxcd.io/reconcile"], "disabled") || strings.EqualFold(marks["kustomize.toolkit.fluxcd.io/ssa"], "Ignore")
	}
	return o.Release == nil && (is(o.GetLabels()) || is(o.GetAnnotations()))
}
