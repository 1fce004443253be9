//go:build apiserver

package waitfor_test

import (
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const canary = "the-value-that-nobody-may-see"

// What is there costs one request. The values of a Secret stay where they are, unless the check is about them.
func TestPresentCostsOneRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		target   string
		outlined bool
	}{
		{"secret/database", true},
		{"secret/database#jsonpath={.metadata.name}=database", true},
		{"secret/database#key=password", false},
		{"configmap/settings", true},
		{"configmap/settings#key=password", false},
		{"job/absent#deleted", false},
	} {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin, named("secrets", "database"), named("configmaps", "settings"), inGroup("batch", "jobs", "absent"))
			g := newGateway(t, admin, p)
			p.secret(t, "database", "password", canary)
			p.configMap(t, "settings", nil, "password", canary)
			p.start(t, nil, test.target).end(t, 0, test.target)
			all := g.requests(nil)
			if len(all) != 1 || all[0].method != http.MethodGet || all[0].watch() {
				t.Fatalf("requests %v, want one GET", all)
			}
			if outlined := strings.Contains(all[0].accept, "as=PartialObjectMetadata;"); outlined != test.outlined {
				t.Errorf("Accept: %s, want metadata only: %v", all[0].accept, test.outlined)
			}
			if test.outlined && g.hasCarried(canary) {
				t.Error("the value was sent to waitfor")
			}
		})
	}
}

// What is not there costs one GET and one WATCH until it comes, and the WATCH names it.
func TestAbsentCostsTwoRequests(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	g := newGateway(t, admin, p)
	w := p.start(t, nil, "secret/database")
	w.await(t, "it is not there")
	p.secret(t, "other", "password", canary)
	p.secret(t, "database", "password", canary)
	w.end(t, 0, "it is there")
	all := g.requests(nil)
	if len(all) != 2 || all[0].watch() || !all[1].watch() || !strings.Contains(all[1].query, "fieldSelector=metadata.name%3Ddatabase") {
		t.Errorf("requests %v, want a GET and a WATCH of one name", all)
	}
	for _, a := range all {
		if !strings.Contains(a.accept, "as=PartialObjectMetadata;") {
			t.Errorf("Accept: %s, want metadata only", a.accept)
		}
	}
	if g.hasCarried(canary) {
		t.Error("the value was sent to waitfor")
	}
}

// Neither log nor termination message shows a value, not even where a path does not suit it.
func TestValuesStaySecret(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"{.data.password}=other", `{.data.password[?(@.x=="y")]}`, "{.data.password[0]}", "{.data}=x", "{.data.*}=x"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin, named("secrets", "database"))
			g := newGateway(t, admin, p)
			p.secret(t, "database", "password", canary)
			w := p.start(t, nil, "--timeout=1s", "secret/database#jsonpath="+path)
			message := w.end(t, 124, "timed out")
			if !g.hasCarried(canary) {
				t.Fatal("the value was not even read")
			}
			for _, text := range append(w.all, message) {
				if shows(text, canary) {
					t.Errorf("the value is in %q", text)
				}
			}
		})
	}
}

// All targets must be there at the same time: what was met and is lost does not count.
func TestLevelNotLatch(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "first", "second"))
	p.secret(t, "first")
	w := p.start(t, nil, "secret/first", "secret/second")
	w.await(t, "met: secret/first: it is there")
	if err := p.client.CoreV1().Secrets(p.namespace).Delete(t.Context(), "first", deleteNow); err != nil {
		t.Fatal(err)
	}
	w.await(t, "not met any more: secret/first: it is not there")
	p.secret(t, "second")
	w.await(t, "met: secret/second")
	p.signalled(t, w, "secret/first: it is not there")

	w = p.start(t, nil, "secret/first", "secret/second")
	w.await(t, "met: secret/second")
	p.secret(t, "first")
	w.end(t, 0, "secret/first: it is there; secret/second: it is there")
}

// configMap creates a ConfigMap; data are pairs of keys and values.
func (p *pod) configMap(t *testing.T, name string, labels map[string]string, data ...string) {
	t.Helper()
	c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Data: map[string]string{}}
	for i := 0; i < len(data); i += 2 {
		c.Data[data[i]] = data[i+1]
	}
	if _, err := p.client.CoreV1().ConfigMaps(p.namespace).Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
