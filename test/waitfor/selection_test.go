//go:build apiserver

package waitfor_test

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var selected = map[string]string{"app": "database"}

// Members come, pass, and go.
func TestSelection(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, rule("configmaps", "list,watch"))
	all := p.start(t, nil, "configmap?app=database#key=ready", "configmap?app=never")
	two := p.start(t, nil, "configmap?app in (database)#min=2&key=ready")
	some := p.start(t, nil, "configmap?app=database#any&key=ready")
	gone := p.start(t, nil, "configmap?app=database#deleted")
	gone.end(t, 0, "configmap?app=database#deleted")
	for _, w := range []*process{all, two, some} {
		w.await(t, "nothing has these labels")
	}
	p.configMap(t, "unselected", map[string]string{"app": "queue"}, "ready", "yes")
	p.configMap(t, "one", selected)
	all.await(t, "0 of 1 pass the check; one: it is there without the key ready")
	two.await(t, "0 of 1 pass the check, 2 are asked for")
	some.await(t, "0 of 1 pass the check, 1 are asked for")
	p.configMap(t, "two", selected, "ready", "yes")
	some.end(t, 0, "1 of 2 pass the check")
	all.await(t, "1 of 2 pass the check; one: it is there without the key ready")
	two.await(t, "1 of 2 pass the check, 2 are asked for")

	configMaps := p.client.CoreV1().ConfigMaps(p.namespace)
	if err := configMaps.Delete(t.Context(), "one", deleteNow); err != nil {
		t.Fatal(err)
	}
	all.await(t, "met: configmap?app=database#key=ready: 1 of 1 pass the check")
	p.configMap(t, "three", selected, "ready", "yes")
	two.end(t, 0, "2 of 2 pass the check, 2 are asked for")
	all.await(t, "2 of 2 pass the check")

	gone = p.start(t, nil, "configmap?app=database#deleted")
	gone.await(t, "2 are still there")
	for _, name := range []string{"two", "three"} { // one is deleted, the other no longer selected
		c, err := configMaps.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c.Labels = nil
		if _, err = configMaps.Update(t.Context(), c, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	all.await(t, "not met any more: configmap?app=database#key=ready: nothing has these labels")
	gone.end(t, 0, "0 are still there")
	p.signalled(t, all, "nothing has these labels")
}

// A selection of more than a page is whole, and costs its pages and one WATCH.
func TestSelectionOfManyPages(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, rule("configmaps", "list,watch"))
	g := newGateway(t, admin, p)
	const many = 150
	for n := range many {
		p.configMap(t, fmt.Sprintf("c%03d", n), selected, "password", canary)
	}
	w := p.start(t, nil, "configmap?app=database#min=151&exists")
	w.await(t, "150 of 150 pass the check, 151 are asked for")
	p.configMap(t, "last", selected, "password", canary)
	w.end(t, 0, "151 of 151 pass the check")
	if all := g.requests(nil); len(all) != 3 {
		t.Errorf("requests %v, want two pages and a WATCH", all)
	}
	if g.hasCarried(canary) {
		t.Error("values were sent to waitfor")
	}

	w = p.start(t, nil, "configmap?app=database#key=more")
	w.await(t, "0 of 151 pass the check; c000:", "c001:", "c002:", "; ...")
	p.signalled(t, w)
}

// A selection without the right to watch is listed again and again.
func TestSelectionIsPolled(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, rule("secrets", "list"))
	w := p.start(t, nil, "secret?app=database")
	w.await(t, "nothing has these labels")
	w.await(t, polls)
	p.secret(t, "one")
	s, err := p.client.CoreV1().Secrets(p.namespace).Get(t.Context(), "one", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Labels = selected
	if _, err := p.client.CoreV1().Secrets(p.namespace).Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.end(t, 0, "1 of 1 pass the check")
}
