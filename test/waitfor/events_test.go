//go:build apiserver

package waitfor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

const uid = "2cb5dbd4-3ab4-4b1d-8a08-0e5a5f5f1f43"

var (
	mayTell  = rule("events", "create")
	identity = []string{"WAITFOR_POD_NAME=app-0", "WAITFOR_POD_UID=" + uid}
)

// events are those about the Pod with that reason so far.
func (p *pod) events(t *testing.T, reason string) []corev1.Event {
	t.Helper()
	about := fields.Set{"involvedObject.kind": "Pod", "involvedObject.name": "app-0", "involvedObject.uid": uid, "reason": reason}
	list, err := p.client.CoreV1().Events(p.namespace).List(t.Context(), metav1.ListOptions{FieldSelector: about.AsSelector().String()})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// event waits for the one Event about the Pod with that reason.
func (p *pod) event(t *testing.T, reason string) corev1.Event {
	t.Helper()
	var found []corev1.Event
	eventually(t, "an Event "+reason, func() bool {
		found = p.events(t, reason)
		return len(found) > 0
	})
	if len(found) > 1 {
		t.Errorf("%d Events %s: %v", len(found), reason, found)
	}
	return found[0]
}

// Whoever describes the Pod sees why it waits, and that it went on.
func TestEvents(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string][]string{"own namespace": nil, "another namespace for targets": {"--namespace=default"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin, mayTell, named("secrets", "database"))
			wanted := p.namespace + "/secret/database"
			w := p.start(t, identity, append(arguments, wanted)...)
			e := p.event(t, "Waiting")
			if e.Type != "Normal" || !holds(e.Message, []string{"waiting for " + wanted, "it is not there"}) || e.Source.Component != "waitfor" {
				t.Errorf("%s Event of %v: %q", e.Type, e.Source, e.Message)
			}
			p.secret(t, "database")
			w.end(t, 0, "it is there")
			if e := p.event(t, "Met"); e.Type != "Normal" || !holds(e.Message, []string{"met after", wanted}) {
				t.Errorf("%s Event: %q", e.Type, e.Message)
			}
		})
	}
}

// A bad end is told as a warning.
func TestEventOfFailure(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, mayTell)
	p.start(t, identity, "--forbidden-grace=1ms", "secret/database").end(t, 4, "kind: Role")
	if e := p.event(t, "Refused"); e.Type != "Warning" || !holds(e.Message, []string{"secret/database", "is forbidden"}) {
		t.Errorf("%s Event: %q", e.Type, e.Message)
	}
}

// Events are a courtesy: without the right to write them there is one line about it.
func TestEventsWithoutRight(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	w := p.start(t, identity, "secret/database")
	w.await(t, "no more Events", "is forbidden")
	p.secret(t, "database")
	w.end(t, 0, "it is there")
	if n := w.has("no more Events"); n != 1 {
		t.Errorf("said %d times:\n%s", n, w.log())
	}
}

// The Event names what should bring the Secret, where that may be read.
func TestBringers(t *testing.T) {
	t.Parallel()
	const eso, crunchy, secret, cluster = "external-secrets.io", "postgres-operator.crunchydata.com", "db-pguser-app", "db"
	define(t, eso, "Namespaced", "externalsecrets", "ExternalSecret", "v1")
	define(t, crunchy, "Namespaced", "postgresclusters", "PostgresCluster", "v1beta1")
	reads := func(group, resource, name string) rbacv1.PolicyRule {
		r := inGroup(group, resource, name)
		r.Verbs = []string{"get"}
		return r
	}
	for name, test := range map[string]struct {
		may  []rbacv1.PolicyRule
		want []string
		not  []string
	}{
		"both":           {[]rbacv1.PolicyRule{reads(eso, "externalsecrets", secret), reads(crunchy, "postgresclusters", cluster)}, []string{"ExternalSecret", "SecretSyncedError", "no such key", "PostgresCluster", "is False (NoDisk"}, nil},
		"ExternalSecret": {[]rbacv1.PolicyRule{reads(eso, "externalsecrets", secret)}, []string{"ExternalSecret", "SecretSyncedError"}, []string{"PostgresCluster", "forbidden"}},
		"none":           {nil, []string{"it is not there"}, []string{"PostgresCluster", "ExternalSecret", "forbidden"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, admin, append(test.may, mayTell, named("secrets", secret))...)
			p.bringer(t, eso, "v1", "externalsecrets", "ExternalSecret", secret, `conditions: [{type: Ready, status: "False", reason: SecretSyncedError, message: no such key}]`)
			p.bringer(t, crunchy, "v1beta1", "postgresclusters", "PostgresCluster", cluster, `conditions: [{type: PGBackRestRepoHostReady, status: "True"}, {type: ProxyAvailable, status: "False", reason: NoDisk, message: no disk}]`)
			w := p.start(t, identity, "secret/"+secret)
			// The first Event waits for two seconds at most for what is said of these; the next one comes with the heartbeat.
			eventually(t, fmt.Sprintf("an Event Waiting with %q", test.want), func() bool {
				return slices.ContainsFunc(p.events(t, "Waiting"), func(e corev1.Event) bool { return holds(e.Message, test.want) })
			})
			p.secret(t, secret)
			w.end(t, 0, "it is there")
			for _, e := range p.events(t, "Waiting") {
				for _, text := range test.not {
					if strings.Contains(e.Message, text) {
						t.Errorf("Event %q, want no %q", e.Message, text)
					}
				}
			}
			if w.has("forbidden") != 0 {
				t.Errorf("a hint that may not be had is an error:\n%s", w.log())
			}
		})
	}
}

func (p *pod) bringer(t *testing.T, group, version, resource, kind, name, status string) {
	t.Helper()
	all := objects(t, admin, p.namespace, group, version, resource)
	o := parse(t, "spec: {}")
	o.SetAPIVersion(group + "/" + version)
	o.SetKind(kind)
	o.SetName(name)
	eventually(t, kind+" created", func() bool {
		_, err := all.Create(t.Context(), o, metav1.CreateOptions{})
		return err == nil
	})
	setStatus(t, all, name, status)
}
