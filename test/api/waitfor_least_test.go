//go:build apiserver

package api_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/internal/wait/access"
)

// asked is a request in the words of a Role; name "" is none, or that of all.
type asked struct{ verb, namespace, resource, name string }

// prefixes are the paths of the resources that are asked for. That of external-secrets.io is not installed.
var prefixes = map[string]string{
	"secrets": "/api/v1", "configmaps": "/api/v1", "pods": "/api/v1", "events": "/api/v1", "nodes": "/api/v1",
	"deployments": "/apis/apps/v1", "externalsecrets": "/apis/external-secrets.io/v1", "storageclasses": "/apis/storage.k8s.io/v1",
}

func (a asked) request() (method, path string) {
	path = prefixes[a.resource]
	if a.namespace != "" {
		path += "/namespaces/" + a.namespace
	}
	path += "/" + a.resource
	query := url.Values{}
	switch a.verb {
	case "list", "watch":
		if a.name != "" {
			query.Set("fieldSelector", "metadata.name="+a.name)
		}
		if a.verb == "watch" {
			query.Set("watch", "true")
		}
		return http.MethodGet, path + "?" + query.Encode()
	case "create":
		return http.MethodPost, path
	case "deletecollection":
		return http.MethodDelete, path
	}
	methods := map[string]string{"get": http.MethodGet, "update": http.MethodPut, "patch": http.MethodPatch, "delete": http.MethodDelete}
	return methods[a.verb], path + "/" + a.name
}

// passes is the answer to a request that is not refused: there are no objects, and nothing is sent.
func (a asked) passes() int {
	switch {
	case a.verb == "get", a.resource == "externalsecrets":
		return http.StatusNotFound
	case a.verb == "create":
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// everything is each verb on each resource in the namespaces and in the cluster, for the names "x" and "y" and for none.
func everything(namespaces ...string) []asked {
	var all []asked
	for resource := range prefixes {
		where := namespaces
		if resource == "nodes" || resource == "storageclasses" {
			where = []string{""}
		} else {
			// Across all namespaces.
			all = append(all, asked{"list", "", resource, ""}, asked{"watch", "", resource, ""}, asked{"watch", "", resource, "x"})
		}
		for _, namespace := range where {
			for _, verb := range []string{"list", "watch", "create", "deletecollection"} {
				all = append(all, asked{verb, namespace, resource, ""})
			}
			for _, verb := range []string{"get", "list", "watch", "update", "patch", "delete"} {
				all = append(all, asked{verb, namespace, resource, "x"}, asked{verb, namespace, resource, "y"})
			}
		}
	}
	return all
}

// mayOnly waits until all that should pass does, and then asks for everything.
func (w waiter) mayOnly(t *testing.T, should []asked, namespaces ...string) {
	t.Helper()
	refused := func(ctx context.Context, a asked) bool {
		method, path := a.request()
		status := w.status(ctx, t, method, path)
		if status != http.StatusForbidden && status != a.passes() {
			t.Fatalf("%s %s is %d", method, path, status)
		}
		return status == http.StatusForbidden
	}
	for _, a := range should {
		if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			return !refused(ctx, a), nil
		}); err != nil {
			t.Fatalf("%v is refused: %v", a, err)
		}
	}
	for _, a := range everything(namespaces...) {
		if pass := !refused(t.Context(), a); pass != slices.Contains(should, a) {
			t.Errorf("%v passes: %t", a, pass)
		}
	}
}

// byName is what get and watch on the name x let pass.
func byName(namespace, resource string) []asked {
	return []asked{{"get", namespace, resource, "x"}, {"watch", namespace, resource, "x"}}
}

// bySelector is what list and watch without names let pass: any selector.
func bySelector(namespace, resource string) []asked {
	var all []asked
	for _, verb := range []string{"list", "watch"} {
		for _, name := range []string{"", "x", "y"} {
			all = append(all, asked{verb, namespace, resource, name})
		}
	}
	return all
}

// Of everything that a waiter could ask, what waitfor prints lets pass what the targets need, and nothing else.
func TestWaitforRightsAreTheLeast(t *testing.T) {
	t.Parallel()
	const ns, other = "waitfor-least", "waitfor-least-other"
	newNamespaces(t, ns, other)
	watch, list, x := []string{"get", "watch"}, []string{"list", "watch"}, []string{"x"}
	shapes := []struct {
		name  string
		needs []access.Need
		want  []asked
	}{
		{"nothing", nil, nil},
		{"name", []access.Need{{Namespace: ns, Resource: "secrets", Names: x, Verbs: watch}}, byName(ns, "secrets")},
		{"two-names", []access.Need{
			{Namespace: ns, Resource: "secrets", Names: x, Verbs: watch}, {Namespace: ns, Resource: "configmaps", Names: []string{"y"}, Verbs: watch},
		}, append(byName(ns, "secrets"), asked{"get", ns, "configmaps", "y"}, asked{"watch", ns, "configmaps", "y"})},
		{"group", []access.Need{{Namespace: ns, Group: "apps", Resource: "deployments", Names: x, Verbs: watch}}, byName(ns, "deployments")},
		{"elsewhere", []access.Need{{Namespace: other, Resource: "secrets", Names: x, Verbs: watch}}, byName(other, "secrets")},
		{"selector", []access.Need{{Namespace: ns, Resource: "pods", Verbs: list}}, bySelector(ns, "pods")},
		{"cluster", []access.Need{{ClusterScoped: true, Resource: "nodes", Names: x, Verbs: watch}}, byName("", "nodes")},
		{"cluster-selector", []access.Need{{ClusterScoped: true, Group: "storage.k8s.io", Resource: "storageclasses", Verbs: list}}, bySelector("", "storageclasses")},
		{"not-installed", []access.Need{{Namespace: ns, Group: "external-secrets.io", Resource: "externalsecrets", Names: x, Verbs: watch}}, byName(ns, "externalsecrets")},
		{"events", []access.Need{{Namespace: ns, Resource: "events", Verbs: []string{"create"}}}, []asked{{"create", ns, "events", ""}}},
	}
	all := shapes[0]
	all.name = "all"
	for _, shape := range shapes {
		all.needs = append(all.needs, shape.needs...)
		all.want = append(all.want, shape.want...)
	}
	for _, shape := range append(shapes, all) {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			w := applyAccess(t, access.Account{Namespace: ns, Name: shape.name}, shape.needs...)
			w.mayOnly(t, shape.want, ns, other)
		})
	}
}

// The Role that waitfor prints when it was refused adds to what the account has; accounts of the same name do not
// take each other's rights.
func TestWaitforRightsAddUp(t *testing.T) {
	t.Parallel()
	const one, two = "waitfor-one", "waitfor-two"
	newNamespaces(t, one, two)
	need := func(namespace, resource string) access.Need {
		return access.Need{Namespace: namespace, Resource: resource, Names: []string{"x"}, Verbs: []string{"get", "watch"}, ClusterScoped: namespace == ""}
	}
	first := access.Account{Namespace: one, Name: "waitfor"}
	a := applyAccess(t, first, need(one, "secrets"), need("", "nodes"))
	b := applyAccess(t, access.Account{Namespace: two, Name: "waitfor"}, need(one, "configmaps"), need("", "nodes"))
	wantA, wantB := slices.Concat(byName(one, "secrets"), byName("", "nodes")), slices.Concat(byName(one, "configmaps"), byName("", "nodes"))
	for _, late := range []access.Need{need(one, "configmaps"), need(two, "secrets"), need("", "storageclasses")} {
		if late.ClusterScoped {
			late.Group = "storage.k8s.io"
		}
		text, err := access.Role(first, late)
		if err != nil {
			t.Fatal(err)
		}
		kubectlApply(t, text)
		wantA = append(wantA, byName(late.Namespace, late.Resource)...)
	}
	a.mayOnly(t, wantA, one, two)
	b.mayOnly(t, wantB, one, two)
}
