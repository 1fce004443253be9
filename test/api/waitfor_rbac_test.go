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
func (w waiter) status(ctx context.Context, t *testing.T, method, path string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
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
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		got = w.status(ctx, t, method, path)
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
				if got := waiters[i].status(t.Context(), t, http.MethodGet, request); got != row.want[j] {
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
