//go:build apiserver

package waitfor_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
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

// The CRD comes after the Pod, its object later still, with and without a version that was written.
func TestKindArrivesLate(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "v1."} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin)
			crd := newWidgets(p, "v1", "v1beta1")
			p.allow(t, inGroup(crd.group, "widgets", "one"))
			w := p.start(t, nil, "widget."+version+crd.group+"/one")
			w.await(t, "the API server serves no ", crd.group, "its CRDs are not installed")
			crd.install(t, "Widget")
			w.await(t, "it is not there")
			crd.create(t, "Widget", "one", "{}")
			w.end(t, 0, "it is there")
		})
	}
}

// A CRD that is replaced takes its objects with it. A kind that is not served is not an object that is deleted.
func TestKindIsReplaced(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "v1."} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin)
			crd := newWidgets(p, "v1")
			p.allow(t, inGroup(crd.group, "widgets", "one", "two"))
			crd.install(t, "Widget")
			w := p.start(t, nil, "widgets."+version+crd.group+"/one", "widget-short."+version+crd.group+"/two")
			w.awaitAll(t, "/one: it is not there", "/two: it is not there")
			crd.create(t, "Widget", "one", "{}")
			w.await(t, "/one: it is there")
			crd.remove(t, "Widget")
			w.await(t, "not met any more", "/one")
			gone := p.start(t, nil, "widgets."+version+crd.group+"/one#deleted")
			gone.await(t, "its CRDs are not installed")
			crd.install(t, "Widget")
			gone.end(t, 0, "it is not there")
			crd.create(t, "Widget", "two", "{}")
			w.await(t, "/two: it is there")
			crd.create(t, "Widget", "one", "{}")
			w.end(t, 0, "/one: it is there", "/two: it is there")
		})
	}
}

// A watch on an object that goes with its CRD tells of a deleted object, and then there is no such kind.
func TestDeletedWithItsKind(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	crd := newWidgets(p, "v1")
	p.allow(t, inGroup(crd.group, "widgets", "one"))
	crd.install(t, "Widget")
	crd.create(t, "Widget", "one", "{}")
	w := p.start(t, nil, "widgets."+crd.group+"/one#deleted")
	w.await(t, "it is still there")
	crd.remove(t, "Widget")
	w.end(t, 0, "it is not there")
}

// The object went with its CRD between two polls, and both came back before the next: it is another object.
func TestDeletedWithItsKindUnseen(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	crd := newWidgets(p, "v1")
	read := inGroup(crd.group, "widgets", "one")
	read.Verbs = []string{"get"}
	p.allow(t, read)
	crd.install(t, "Widget")
	crd.create(t, "Widget", "one", "{}")
	g := newGateway(t, admin, p)
	var asking sync.Mutex
	g.answer = func(http.ResponseWriter, *http.Request) bool {
		asking.Lock()
		defer asking.Unlock()
		return false
	}
	w := p.start(t, nil, "widgets."+crd.group+"/one#deleted")
	w.await(t, "it is still there")
	crd.remove(t, "Widget")
	w.await(t, "its CRDs are not installed")
	asking.Lock()
	crd.install(t, "Widget")
	crd.create(t, "Widget", "one", "{}")
	asking.Unlock()
	w.end(t, 0, "it was deleted; there is another one of that name")
}

// Only a version that is not preferred has the kind.
func TestKindOfAnotherVersion(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	crd := newWidgets(p, "v1")
	crd.install(t, "Widget")
	old := crd
	old.versions = []string{"v1alpha1"}
	old.install(t, "Gadget")
	p.allow(t, inGroup(crd.group, "gadgets", "one"))
	old.create(t, "Gadget", "one", "{}")
	p.start(t, nil, "Gadget."+crd.group+"/one").end(t, 0, "it is there")

	w := p.start(t, nil, "gadget.v1."+crd.group+"/one")
	w.await(t, "has no kind gadget (yet), only widgets")
	p.signalled(t, w, "only widgets")
	w = p.start(t, nil, "gadget.v2."+crd.group+"/one")
	w.await(t, "the API server serves no "+crd.group+"/v2 (yet)")
	p.signalled(t, w)
}

// A typo in the kind of an installed group may be one of a kind to come; the kinds there are help to see it.
func TestTypoInKind(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, inGroup("apps", "deployments", "one"))
	crd := newWidgets(p, "v1", "v1beta1")
	crd.install(t, "Widget")
	w := p.start(t, nil, "wigdet."+crd.group+"/one")
	w.await(t, "the group "+crd.group+" has no kind wigdet (yet), only widgets")
	p.signalled(t, w, "only widgets")
	if w.has("widgets, widgets") != 0 {
		t.Errorf("a kind is named twice:\n%s", w.log())
	}
	w = p.start(t, nil, "deployment.v9.apps/one")
	w.await(t, "the API server does not serve apps/v9")
	p.signalled(t, w)

	p.start(t, nil, "wigdet.v1/one").end(t, 2, "has no kind", "wigdet")
	p.start(t, nil, "deploymnet.apps/one").end(t, 2, "has no kind", "deploymnet")
	p.start(t, nil, "secert/one").end(t, 2, "is secret meant")
}

// A kind without namespaces takes none, and its rights are for the cluster.
func TestClusterScopedKind(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	crd := newWidgets(p, "v1")
	crd.scope = "Cluster"
	crd.install(t, "Widget")
	name := p.namespace
	p.start(t, nil, "default/widget."+crd.group+"/"+name).end(t, 2, "a Widget has no namespace: leave default/ out")
	message := p.start(t, nil, "--forbidden-grace=1ms", "widget."+crd.group+"/"+name).end(t, 4, "kind: ClusterRole", "kind: ClusterRoleBinding")
	p.applyPrinted(t, message)
	w := p.start(t, nil, "widget."+crd.group+"/"+name)
	w.await(t, "it is not there")
	crd.create(t, "Widget", name, "{}")
	w.end(t, 0, "it is there")
}
