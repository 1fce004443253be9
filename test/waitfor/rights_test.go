//go:build apiserver

package waitfor_test

import (
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

const polls = "the right to watch is missing"

// The rows of the RBAC truth table: with get and watch there is a watch, with get alone there are polls, said once.
func TestRights(t *testing.T) {
	t.Parallel()
	for verbs, polled := range map[string]bool{"get": true, "get,list": true, "get,watch": false, "get,list,watch": false} {
		t.Run(verbs, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin, rule("secrets", verbs, "database"))
			g := newGateway(t, admin, p)
			w := p.start(t, nil, "secret/database#key=user,password")
			w.await(t, "it is not there")
			p.secret(t, "database")
			w.await(t, "without the key user, password")
			p.update(t, "database", "user", "a")
			w.await(t, "without the key password")
			p.update(t, "database", "password", "s3cr3t")
			w.end(t, 0, "it has user, password")
			said, opened := w.has(polls), len(g.requests(asked.watch))
			if opened != 1 || polled && said != 1 || !polled && said != 0 {
				t.Errorf("polls said %d times, %d watches, want polls %v:\n%s", said, opened, polled, w.log())
			}
			for _, a := range g.requests(func(a asked) bool { return strings.HasSuffix(a.path, "/secrets") }) {
				if !a.watch() {
					t.Errorf("a list was asked for: %v", a)
				}
			}
		})
	}
}

// Without rights the grace is waited out; then the Role that is printed is all that is missing.
func TestRefusedPrintsTheRole(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule   rbacv1.PolicyRule
		target string
	}{
		"none":       {named("secrets", "other"), "secret/database"},
		"watch only": {rule("secrets", "watch", "database"), "secret/database"},
		"other verb": {rule("secrets", "list"), "secret/database#key=user"},
		"selection":  {rule("secrets", "get,watch"), "secret?app=database"},
		"group":      {named("jobs", "database"), "job/database#exists"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, admin, test.rule)
			w := p.start(t, nil, "--forbidden-grace=2s", test.target)
			w.await(t, "waiting for "+test.target, "is forbidden: User", "given up after 2s")
			message := w.end(t, 4, test.target, "is forbidden: User", "kind: Role", "kind: RoleBinding", account)
			p.applyPrinted(t, message)
			w = p.start(t, nil, test.target)
			w.awaitAny(t, "it is not there", "nothing has these labels")
			if w.has(polls) != 0 {
				t.Errorf("the Role has no right to watch:\n%s", w.log())
			}
			p.signalled(t, w)
		})
	}
}

// A Role that comes after the Pod is waited for.
func TestRightsArriveLate(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	p.secret(t, "database")
	w := p.start(t, nil, "secret/database")
	w.await(t, "is forbidden: User")
	p.allow(t, named("secrets", "database"))
	w.end(t, 0, "it is there")
}

// A right that is taken away is noticed when the watch ends, and has the grace to come back. One whose grace is short ends.
func TestRightsWithdrawn(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	g := newGateway(t, admin, p)
	withdrawn := func(grace string) *process {
		t.Helper()
		before := len(g.requests(asked.watch))
		w := p.start(t, nil, "--forbidden-grace="+grace, "secret/database")
		w.await(t, "it is not there")
		p.withdraw(t, named("secrets", "database"))
		eventually(t, "the watch", func() bool { return len(g.requests(asked.watch)) > before })
		g.cutAll()
		w.await(t, "is forbidden: User")
		return w
	}
	patient := withdrawn("1h")
	p.allow(t, named("secrets", "database"))
	patient.await(t, "it is not there")
	p.signalled(t, patient)

	withdrawn("3s").end(t, 4, "is forbidden: User", "kind: Role")
}

// What is met must be met at the end: a target whose right is withdrawn is not.
func TestWithdrawnIsNotMet(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "first"))
	p.allow(t, named("secrets", "second"))
	g := newGateway(t, admin, p)
	p.secret(t, "first")
	w := p.start(t, nil, "secret/first", "secret/second")
	w.awaitAll(t, "met: secret/first", "waiting for secret/second")
	eventually(t, "the watches", func() bool { return len(g.requests(asked.watch)) == 2 })
	p.withdraw(t, named("secrets", "first"))
	g.cutAll()
	w.await(t, "not met any more: secret/first", "is forbidden")
	p.secret(t, "second")
	w.await(t, "met: secret/second")
	p.signalled(t, w, "secret/first")
}

// update sets a key of a Secret.
func (p *pod) update(t *testing.T, name, key, value string) {
	t.Helper()
	secrets := p.client.CoreV1().Secrets(p.namespace)
	s, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
	if err == nil {
		s.StringData = map[string]string{key: value}
		_, err = secrets.Update(t.Context(), s, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// withdraw takes a right away, and returns when that is in force.
func (p *pod) withdraw(t *testing.T, rule rbacv1.PolicyRule) {
	t.Helper()
	roles, err := p.client.RbacV1().Roles(p.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles.Items {
		if role.Rules[0].String() != rule.String() {
			continue
		}
		if err := p.client.RbacV1().Roles(p.namespace).Delete(t.Context(), role.Name, deleteNow); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the end of a right", func() bool { return !p.allowed(t, p.namespace, rule) })
}

// applyPrinted creates the role and its binding that a termination message spells, and waits until they are in force.
func (p *pod) applyPrinted(t *testing.T, message string) {
	t.Helper()
	_, text, found := strings.Cut(message, "prints the rights for all targets:\n")
	if !found {
		t.Fatalf("no Role in %q", message)
	}
	var role rbacv1.Role // a ClusterRole has the same rules
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for _, kind := range []string{"Role", "RoleBinding"} {
		o := parse(t, "{}")
		err := decoder.Decode(&o.Object)
		if err == nil && !strings.HasSuffix(o.GetKind(), kind) {
			t.Fatalf("a %s, want a %s in\n%s", o.GetKind(), kind, text)
		}
		if err == nil && kind == "Role" {
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role)
		}
		resource := strings.ToLower(o.GetKind()) + "s"
		if err == nil {
			_, err = objects(t, admin, o.GetNamespace(), rbacv1.GroupName, "v1", resource).Create(t.Context(), o, metav1.CreateOptions{})
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	p.may(t, role.Namespace, role.Rules[0])
}
