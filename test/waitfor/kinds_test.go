//go:build apiserver

package waitfor_test

import (
	"net/http"
	"sync"
	"testing"
)

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
