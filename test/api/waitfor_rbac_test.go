//go:build apiserver

package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tazlab/seed/internal/wait/access"
)

// waiter asks the API server with the token of a ServiceAccount.
type waiter struct {
	client *http.Client
	host   string
}

func typed(t *testing.T) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func newNamespaces(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := typed(t).CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// kubectlApply applies manifests as their reader would.
func kubectlApply(t *testing.T, manifests []byte) {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{ClientCertificateData: admin.CertData, ClientKeyData: admin.KeyData}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "admin"}
	config.CurrentContext = "test"
	folder := t.TempDir()
	if err := clientcmd.WriteToFile(*config, filepath.Join(folder, "config")); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"),
		"--kubeconfig", filepath.Join(folder, "config"), "--cache-dir", folder, "apply", "--validate=strict", "-f", "-")
	command.Stdin = strings.NewReader(string(manifests))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, manifests)
	}
}

// applyAccess applies what waitfor prints and is then the account's waiter.
func applyAccess(t *testing.T, account access.Account, needs ...access.Need) waiter {
	t.Helper()
	manifests, err := access.Manifests(account, needs)
	if err != nil {
		t.Fatal(err)
	}
	kubectlApply(t, manifests)
	token, err := typed(t).CoreV1().ServiceAccounts(account.Namespace).
		CreateToken(t.Context(), account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(&rest.Config{
		Host: admin.Host, BearerToken: token.Status.Token, TLSClientConfig: rest.TLSClientConfig{CAData: admin.CAData},
	})
	if err != nil {
		t.Fatal(err)
	}
	return waiter{client, strings.TrimSuffix(admin.Host, "/")}
}

// status is the API server's answer; a watch is ended when that has begun.
func (w waiter) status(t *testing.T, method, path string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, w.host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// becomes waits until the API server's authorizer has seen the Roles.
func (w waiter) becomes(t *testing.T, method, path string, want int) {
	t.Helper()
	got := 0
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		got = w.status(t, method, path)
		return got == want, nil
	}); err != nil {
		t.Fatalf("%s %s: %d, want %d: %v", method, path, got, want, err)
	}
}

// What a Role with resourceNames: [foo] lets pass, by its verbs.
func TestWaitforRightsByVerb(t *testing.T) {
	t.Parallel()
	const ns = "waitfor-verbs"
	newNamespaces(t, ns)
	secrets := "/api/v1/namespaces/" + ns + "/secrets"
	foo := url.Values{"fieldSelector": {"metadata.name=foo"}}.Encode()
	requests := []string{
		secrets + "/foo", secrets, secrets + "?" + foo, secrets + "?" + url.Values{"fieldSelector": {"metadata.name=bar"}}.Encode(),
		secrets + "?watch=true&" + foo, secrets + "?watch=true",
		secrets + "?" + url.Values{"fieldSelector": {"metadata.name=foo,type=Opaque"}}.Encode(),
	}
	table := []struct {
		verbs string
		want  [7]int
	}{
		{"get", [7]int{404, 403, 403, 403, 403, 403, 403}},
		{"get watch", [7]int{404, 403, 403, 403, 200, 403, 403}},
		{"get list watch", [7]int{404, 403, 200, 403, 200, 403, 200}},
		{"", [7]int{403, 403, 403, 403, 403, 403, 403}},
	}
	waiters := make([]waiter, len(table))
	for i, row := range table {
		var needs []access.Need
		if row.verbs != "" {
			needs = []access.Need{{Namespace: ns, Resource: "secrets", Names: []string{"foo"}, Verbs: strings.Fields(row.verbs)}}
		}
		waiters[i] = applyAccess(t, access.Account{Namespace: ns, Name: fmt.Sprint("waitfor-", i)}, needs...)
		waiters[i].becomes(t, http.MethodGet, requests[0], row.want[0])
	}
	check := func() {
		for i, row := range table {
			for j, request := range requests {
				if got := waiters[i].status(t, http.MethodGet, request); got != row.want[j] {
					t.Errorf("with %q: GET %s is %d, want %d", row.verbs, request, got, row.want[j])
				}
			}
		}
	}
	check()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "foo"}}
	if _, err := typed(t).CoreV1().Secrets(ns).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range table[:3] {
		table[i].want[0] = 200
	}
	check()
}

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

// may is all that the waiter may do. It returns when what it should may pass.
func (w waiter) may(t *testing.T, should []asked, namespaces ...string) []asked {
	t.Helper()
	refused := func(a asked) bool {
		method, path := a.request()
		status := w.status(t, method, path)
		if status == http.StatusUnauthorized {
			t.Fatalf("%s %s: the token is refused", method, path)
		}
		if status != http.StatusForbidden && status != a.passes() {
			t.Errorf("%s %s is %d", method, path, status)
		}
		return status == http.StatusForbidden
	}
	for _, a := range should {
		if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
			return !refused(a), nil
		}); err != nil {
			t.Errorf("%v is refused: %v", a, err)
		}
	}
	return slices.DeleteFunc(everything(namespaces...), refused)
}

func (w waiter) mayOnly(t *testing.T, should []asked, namespaces ...string) {
	t.Helper()
	got := w.may(t, should, namespaces...)
	for _, a := range got {
		if !slices.Contains(should, a) {
			t.Errorf("%v passes", a)
		}
	}
	for _, a := range should {
		if !slices.Contains(got, a) {
			t.Errorf("%v is refused", a)
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
