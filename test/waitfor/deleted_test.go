//go:build apiserver

package waitfor_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An object that is being deleted is there until its finalizers are gone; one of the same name is another one.
func TestDeleted(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("configmaps", "one"))
	p.start(t, nil, "configmap/one#deleted").end(t, 0, "it is not there")

	p.configMap(t, "one", nil)
	all := p.client.CoreV1().ConfigMaps(p.namespace)
	p.finalizers(t, "one", "example.com/hold")
	w, exists := p.start(t, nil, "configmap/one#deleted"), p.start(t, nil, "configmap/one", "configmap/one#key=never")
	w.await(t, "it is still there")
	exists.await(t, "met: configmap/one: it is there")
	if err := all.Delete(t.Context(), "one", deleteNow); err != nil {
		t.Fatal(err)
	}
	w.await(t, "it is still there; held by the finalizers example.com/hold")
	exists.await(t, "not met any more: configmap/one: it is being deleted; held by the finalizers example.com/hold")
	p.signalled(t, exists)
	p.finalizers(t, "one")
	w.end(t, 0, "configmap/one#deleted: it is not there")
}

// While nobody watched, the object was deleted and another one created: it did go.
func TestDeletedAndCreatedUnseen(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, rule("configmaps", "get", "one"))
	p.configMap(t, "one", nil)
	w := p.start(t, nil, "configmap/one#deleted")
	w.await(t, "it is still there")
	w.await(t, polls)
	if err := p.client.CoreV1().ConfigMaps(p.namespace).Delete(t.Context(), "one", deleteNow); err != nil {
		t.Fatal(err)
	}
	p.configMap(t, "one", nil)
	w.end(t, 0, "it was deleted; there is another one of that name")
}

// finalizers sets those of a ConfigMap.
func (p *pod) finalizers(t *testing.T, name string, finalizers ...string) {
	t.Helper()
	all := p.client.CoreV1().ConfigMaps(p.namespace)
	c, err := all.Get(t.Context(), name, metav1.GetOptions{})
	if err == nil {
		c.Finalizers = finalizers
		_, err = all.Update(t.Context(), c, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
