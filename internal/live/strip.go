package live

import (
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/fluxcd/cli-utils/pkg/object"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// strip cuts an object down to what follow and nudge judge: histories, values and templates are most of it.
func strip(object any) (any, error) {
	o, ok := object.(client.Object)
	if !ok {
		return object, nil // the marker of an object whose deletion was missed
	}
	for _, cut := range []func(client.Object) client.Object{stripFlux, stripSource, stripSecrets, stripCore} {
		if short := cut(o); short != nil {
			return short, nil
		}
	}
	o.SetManagedFields(nil)
	annotations := o.GetAnnotations()
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	o.SetAnnotations(annotations)
	return o, nil
}

func stripFlux(object client.Object) client.Object {
	switch o := object.(type) {
	case *kustomizev1.Kustomization:
		k := &kustomizev1.Kustomization{ObjectMeta: short(o.ObjectMeta), Status: o.Status}
		k.Status.History = nil
		if o.Status.Inventory != nil {
			k.Status.Inventory = &kustomizev1.ResourceInventory{Entries: interesting(o.Status.Inventory.Entries)}
		}
		k.Spec = kustomizev1.KustomizationSpec{
			DependsOn: o.Spec.DependsOn, SourceRef: o.Spec.SourceRef, Suspend: o.Spec.Suspend, Wait: o.Spec.Wait, HealthChecks: o.Spec.HealthChecks,
		}
		return k
	case *helmv2.HelmRelease:
		h := &helmv2.HelmRelease{ObjectMeta: short(o.ObjectMeta)}
		h.Spec = helmv2.HelmReleaseSpec{DependsOn: o.Spec.DependsOn, Suspend: o.Spec.Suspend, ChartRef: o.Spec.ChartRef}
		if o.Spec.Chart != nil {
			h.Spec.Chart = &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{Chart: o.Spec.Chart.Spec.Chart, SourceRef: o.Spec.Chart.Spec.SourceRef}}
		}
		h.Status = helmv2.HelmReleaseStatus{
			ObservedGeneration: o.Status.ObservedGeneration, Conditions: o.Status.Conditions, HelmChart: o.Status.HelmChart,
			LastAttemptedRevision: o.Status.LastAttemptedRevision, LastAttemptedGeneration: o.Status.LastAttemptedGeneration,
		}
		h.Status.LastHandledReconcileAt = o.Status.LastHandledReconcileAt
		return h
	}
	return nil
}

// parts are the kinds that follow looks for in an inventory.
var parts = []string{
	kustomizev1.GroupVersion.Group, helmv2.GroupVersion.Group, sourcev1.GroupVersion.Group, esv1.Group, appsv1.GroupName,
}

// interesting is a new list: one that begins in all would keep the memory of all.
func interesting(all []kustomizev1.ResourceRef) []kustomizev1.ResourceRef {
	var some []kustomizev1.ResourceRef
	for _, entry := range all {
		if id, err := object.ParseObjMetadata(entry.ID); err == nil && slices.Contains(parts, id.GroupKind.Group) {
			some = append(some, entry)
		}
	}
	return some
}

func stripSource(object client.Object) client.Object {
	switch o := object.(type) {
	case *sourcev1.GitRepository:
		o.Status.IncludedArtifacts, o.Spec.Ignore = nil, nil
		o.ObjectMeta = short(o.ObjectMeta)
		return o
	case *sourcev1.OCIRepository:
		o.Spec.Ignore = nil
		o.ObjectMeta = short(o.ObjectMeta)
		return o
	case *sourcev1.HelmChart:
		o.Spec.ValuesFiles = nil
		o.ObjectMeta = short(o.ObjectMeta)
		return o
	}
	return nil
}

func stripSecrets(object client.Object) client.Object {
	switch o := object.(type) {
	case *esv1.ExternalSecret:
		e := &esv1.ExternalSecret{ObjectMeta: short(o.ObjectMeta), Status: o.Status}
		e.Spec = esv1.ExternalSecretSpec{
			SecretStoreRef: o.Spec.SecretStoreRef, Target: esv1.ExternalSecretTarget{Name: o.Spec.Target.Name},
			RefreshPolicy: o.Spec.RefreshPolicy, RefreshInterval: o.Spec.RefreshInterval,
		}
		for _, d := range o.Spec.Data {
			if d.SourceRef != nil {
				e.Spec.Data = append(e.Spec.Data, esv1.ExternalSecretData{SourceRef: d.SourceRef})
			}
		}
		for _, d := range o.Spec.DataFrom {
			if d.SourceRef != nil {
				e.Spec.DataFrom = append(e.Spec.DataFrom, esv1.ExternalSecretDataFromRemoteRef{SourceRef: d.SourceRef})
			}
		}
		return e
	case *esv1.SecretStore:
		return &esv1.SecretStore{ObjectMeta: short(o.ObjectMeta), Status: o.Status}
	case *esv1.ClusterSecretStore:
		return &esv1.ClusterSecretStore{ObjectMeta: short(o.ObjectMeta), Status: o.Status}
	}
	return nil
}

func stripCore(object client.Object) client.Object {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &appsv1.Deployment{
			ObjectMeta: short(o.ObjectMeta), Spec: appsv1.DeploymentSpec{Selector: o.Spec.Selector},
			Status: appsv1.DeploymentStatus{Conditions: o.Status.Conditions, ObservedGeneration: o.Status.ObservedGeneration},
		}
	case *corev1.Pod:
		return &corev1.Pod{
			ObjectMeta: short(o.ObjectMeta), Spec: corev1.PodSpec{Tolerations: o.Spec.Tolerations},
			Status: corev1.PodStatus{
				Conditions: o.Status.Conditions, InitContainerStatuses: o.Status.InitContainerStatuses, ContainerStatuses: o.Status.ContainerStatuses,
			},
		}
	case *discoveryv1.EndpointSlice:
		e := &discoveryv1.EndpointSlice{ObjectMeta: dated(o.ObjectMeta), Ports: o.Ports}
		for _, endpoint := range o.Endpoints {
			e.Endpoints = append(e.Endpoints, discoveryv1.Endpoint{Addresses: endpoint.Addresses, Conditions: endpoint.Conditions})
		}
		return e
	case *metav1.PartialObjectMetadata:
		m := &metav1.PartialObjectMetadata{TypeMeta: o.TypeMeta, ObjectMeta: dated(o.ObjectMeta)}
		m.Annotations = nil
		return m
	}
	return nil
}

// dated is short with the times of the managed fields: when somebody wrote last, the resourceVersion does not tell.
func dated(m metav1.ObjectMeta) metav1.ObjectMeta {
	fields := m.ManagedFields
	m = short(m)
	for _, entry := range fields {
		m.ManagedFields = append(m.ManagedFields, metav1.ManagedFieldsEntry{Manager: entry.Manager, Time: entry.Time})
	}
	return m
}

// short is what every kind keeps. A last-applied configuration is as large as its object.
func short(m metav1.ObjectMeta) metav1.ObjectMeta {
	m.ManagedFields = nil
	delete(m.Annotations, corev1.LastAppliedConfigAnnotation)
	return m
}
