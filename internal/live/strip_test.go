package live

import (
	"slices"
	"strings"
	"testing"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// always is what every kind keeps, but for its annotations.
const always = "metadata.name metadata.generateName metadata.namespace metadata.selfLink metadata.uid metadata.resourceVersion metadata.generation " +
	"metadata.creationTimestamp metadata.deletionTimestamp metadata.deletionGracePeriodSeconds metadata.labels metadata.ownerReferences metadata.finalizers "

const (
	noted = always + "metadata.annotations.x "
	dates = "metadata.managedFields.manager metadata.managedFields.time "
)

// What is kept of an object in which everything is set, and that all the rest is gone. What is kept does not change when an
// object is cut down twice, as a reflector does it.
func TestStrip(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		object      client.Object
		kept, butOf string // fields, each with all that is below it
	}{
		{&kustomizev1.Kustomization{}, noted + "spec.dependsOn spec.sourceRef spec.suspend spec.wait spec.healthChecks status", "status.history status.inventory"},
		{
			&helmv2.HelmRelease{}, noted + "spec.dependsOn spec.suspend spec.chartRef spec.chart.spec.chart spec.chart.spec.sourceRef " +
				"status.observedGeneration status.conditions status.helmChart status.lastAttemptedRevision status.lastAttemptedGeneration status.lastHandledReconcileAt", "",
		},
		{&sourcev1.GitRepository{}, noted + "spec status", "spec.ignore status.includedArtifacts"},
		{&sourcev1.OCIRepository{}, noted + "spec status", "spec.ignore"},
		{&sourcev1.HelmChart{}, noted + "spec status", "spec.valuesFiles"},
		{&sourcev1.HelmRepository{}, noted + "spec status", ""},
		{&sourcev1.Bucket{}, noted + "spec status", ""},
		{&sourcev1.ExternalArtifact{}, noted + "spec status", ""},
		{
			&esv1.ExternalSecret{}, noted + "spec.secretStoreRef spec.target.name spec.refreshPolicy spec.refreshInterval spec.data.sourceRef spec.dataFrom.sourceRef status", "",
		},
		{&esv1.SecretStore{}, noted + "status", ""},
		{&esv1.ClusterSecretStore{}, noted + "status", ""},
		{&appsv1.Deployment{}, noted + "spec.selector status.conditions status.observedGeneration", ""},
		{&corev1.Pod{}, noted + "spec.tolerations status.conditions status.initContainerStatuses status.containerStatuses", ""},
		{&discoveryv1.EndpointSlice{}, noted + dates + "ports endpoints.addresses endpoints.conditions", ""},
		{&metav1.PartialObjectMetadata{}, always + dates + "kind apiVersion", ""},
	} {
		full(test.object)
		before := leaves(t, test.object)
		kept, butOf := strings.Fields(test.kept), strings.Fields(test.butOf)
		for _, field := range slices.Concat(kept, butOf) {
			if !slices.ContainsFunc(before, func(leaf string) bool { return below(leaf, field) }) {
				t.Errorf("%T has no %s", test.object, field)
			}
		}
		var want []string
		for _, leaf := range before {
			under := func(field string) bool { return below(leaf, field) }
			if slices.ContainsFunc(kept, under) && !slices.ContainsFunc(butOf, under) {
				want = append(want, leaf)
			}
		}
		var stripped any = test.object
		for range 2 {
			var err error
			if stripped, err = strip(stripped); err != nil {
				t.Fatal(err)
			}
			compare(t, test.object, leaves(t, stripped), want)
		}
	}
}

// full sets everything in object. What a list or a watch brings names no kind, unless it is metadata.
func full(object client.Object) {
	fill(object)
	if _, is := object.(*metav1.PartialObjectMetadata); !is {
		object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	}
	object.GetAnnotations()[corev1.LastAppliedConfigAnnotation] = "{}"
}

func below(leaf, field string) bool { return leaf == field || strings.HasPrefix(leaf, field+".") }

func compare(t *testing.T, of client.Object, got, want []string) {
	t.Helper()
	for _, leaf := range got {
		if !slices.Contains(want, leaf) {
			t.Errorf("%T keeps %s", of, leaf)
		}
	}
	for _, leaf := range want {
		if !slices.Contains(got, leaf) {
			t.Errorf("%T loses %s", of, leaf)
		}
	}
}

// Of an inventory that is kept which somebody looks for, in no more memory than that needs.
func TestInventoryIsCutDown(t *testing.T) {
	t.Parallel()
	k := &kustomizev1.Kustomization{}
	k.Status.Inventory = &kustomizev1.ResourceInventory{}
	for range 100 {
		for _, id := range []string{"apps_x__ConfigMap", "nonsense", "apps_blog_helm.toolkit.fluxcd.io_HelmRelease", "apps_x_rbac.authorization.k8s.io_Role"} {
			k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: id, Version: "v1"})
		}
	}
	k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: "apps_x_apps_Deployment", Version: "v1"})
	all := slices.Clone(k.Status.Inventory.Entries)
	stripped, err := strip(k)
	if err != nil {
		t.Fatal(err)
	}
	short, ok := stripped.(*kustomizev1.Kustomization)
	if !ok {
		t.Fatalf("%T", stripped)
	}
	want := slices.DeleteFunc(slices.Clone(all), func(e kustomizev1.ResourceRef) bool {
		return !strings.Contains(e.ID, "HelmRelease") && !strings.Contains(e.ID, "Deployment")
	})
	got := short.Status.Inventory.Entries
	if !slices.Equal(got, want) || cap(got) > 2*len(got) {
		t.Errorf("%d of %d entries are kept, in a list for %d: %v", len(got), len(all), cap(got), got)
	}
	all = slices.DeleteFunc(all, func(e kustomizev1.ResourceRef) bool { return slices.Contains(want, e) })
	none := &kustomizev1.Kustomization{}
	none.Status.Inventory = &kustomizev1.ResourceInventory{Entries: all}
	if stripped, err = strip(none); err != nil {
		t.Fatal(err)
	}
	if short, ok = stripped.(*kustomizev1.Kustomization); !ok || short.Status.Inventory.Entries != nil {
		t.Errorf("of what nobody looks for is kept %+v", stripped)
	}
}

// When somebody wrote last is judged of what is watched by its metadata, and of endpoints; nothing else of the managed fields is.
func TestTimesOfWritesAreKept(t *testing.T) {
	t.Parallel()
	at := metav1.NewTime(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	meta := metav1.ObjectMeta{
		Name: "a", Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m", Operation: "Apply", Time: &at, FieldsV1: &metav1.FieldsV1{Raw: []byte("{}")}}},
	}
	for _, object := range []client.Object{&metav1.PartialObjectMetadata{ObjectMeta: meta}, &discoveryv1.EndpointSlice{ObjectMeta: *meta.DeepCopy()}} {
		stripped, err := strip(object)
		o, ok := stripped.(client.Object)
		if err != nil || !ok {
			t.Fatal(err)
		}
		fields := o.GetManagedFields()
		if len(fields) != 1 || fields[0].Time == nil || !fields[0].Time.Equal(&at) || fields[0].FieldsV1 != nil || len(o.GetAnnotations()) > 0 {
			t.Errorf("%T keeps %+v, %v", object, fields, o.GetAnnotations())
		}
	}
}
