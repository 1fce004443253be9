//go:build apiserver

package waitfor_test

import (
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// widgets is a CRD of a test's own, for its group is the namespace's name.
type widgets struct {
	p     *pod
	group string
	// versions are served, the first one is stored.
	versions []string
	scope    string
}

func newWidgets(p *pod, versions ...string) widgets {
	return widgets{p: p, group: p.namespace + ".example.com", versions: versions, scope: "Namespaced"}
}

func definitions(t *testing.T) dynamic.ResourceInterface {
	t.Helper()
	return objects(t, admin, "", "apiextensions.k8s.io", "v1", "customresourcedefinitions")
}

// install creates the CRD of a kind, with any fields and a status subresource, and waits until it is served.
func (w widgets) install(t *testing.T, kind string) {
	t.Helper()
	plural := strings.ToLower(kind) + "s"
	define(t, w.group, w.scope, plural, kind, w.versions...)
	eventually(t, kind+" served", func() bool {
		_, err := objects(t, admin, "", w.group, w.versions[0], plural).List(t.Context(), metav1.ListOptions{})
		return err == nil
	})
}

func define(t *testing.T, group, scope, plural, kind string, versions ...string) {
	t.Helper()
	var served strings.Builder
	for i, version := range versions {
		fmt.Fprintf(&served, `
  - name: %s
    served: true
    storage: %v
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`, version, i == 0)
	}
	crd := parse(t, fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[3]s.%[1]s}
spec:
  group: %[1]s
  scope: %[2]s
  names: {plural: %[3]s, singular: %[4]s, kind: %[5]s, shortNames: [%[4]s-short]}
  versions:%[6]s
`, group, scope, plural, strings.ToLower(kind), kind, served.String()))
	crds := definitions(t)
	if _, err := crds.Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crds.Delete(t.Context(), plural+"."+group, deleteNow) })
}

// remove deletes the CRD of a kind, and waits until it is not served.
func (w widgets) remove(t *testing.T, kind string) {
	t.Helper()
	plural := strings.ToLower(kind) + "s"
	crds := definitions(t)
	if err := crds.Delete(t.Context(), plural+"."+w.group, deleteNow); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of "+kind, func() bool {
		_, gone := crds.Get(t.Context(), plural+"."+w.group, metav1.GetOptions{})
		_, err := objects(t, admin, "", w.group, w.versions[0], plural).List(t.Context(), metav1.ListOptions{})
		return apierrors.IsNotFound(gone) && apierrors.IsNotFound(err)
	})
}

// create creates an object; fields are those beside its metadata, as YAML.
func (w widgets) create(t *testing.T, kind, name, fields string) {
	t.Helper()
	o := parse(t, fields)
	o.SetAPIVersion(w.group + "/" + w.versions[0])
	o.SetKind(kind)
	o.SetName(name)
	if _, err := w.all(t, kind).Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (w widgets) all(t *testing.T, kind string) dynamic.ResourceInterface {
	t.Helper()
	namespace := w.p.namespace
	if w.scope == "Cluster" {
		namespace = ""
	}
	return objects(t, admin, namespace, w.group, w.versions[0], strings.ToLower(kind)+"s")
}

// status sets the status of an object.
func (w widgets) status(t *testing.T, kind, name, status string) {
	t.Helper()
	setStatus(t, w.all(t, kind), name, status)
}

func setStatus(t *testing.T, all dynamic.ResourceInterface, name, status string) {
	t.Helper()
	o, err := all.Get(t.Context(), name, metav1.GetOptions{})
	if err == nil {
		err = unstructured.SetNestedField(o.Object, parse(t, status).Object, "status")
	}
	if err == nil {
		_, err = all.UpdateStatus(t.Context(), o, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
