//go:build apiserver

package waitfor_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// pod is what a Pod gives to its containers: a namespace of its own, a ServiceAccount's token, the API server's address.
type pod struct {
	client    *kubernetes.Clientset
	namespace string
	tokenDir  string
	// host and port are what the kubelet would set.
	host, port string
}

const account = "waitfor"

// newPod makes a namespace and a ServiceAccount with these rights in it.
func newPod(t *testing.T, config *rest.Config, rules ...rbacv1.PolicyRule) *pod {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{client: client, namespace: namespace.Name, tokenDir: t.TempDir()}
	if p.host, p.port, err = net.SplitHostPort(address.Host); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().ServiceAccounts(p.namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(rules) > 0 {
		p.allow(t, rules...)
	}
	p.write(t, filepath.Join(p.tokenDir, "namespace"), p.namespace)
	p.write(t, filepath.Join(p.tokenDir, "ca.crt"), string(config.CAData))
	p.newToken(t)
	return p
}

// named is the right to get and watch one object.
func named(resource string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{resource}, ResourceNames: names, Verbs: []string{"get", "watch"}}
}

// allow grants rights in the Pod's namespace, and returns when they are in force.
func (p *pod) allow(t *testing.T, rules ...rbacv1.PolicyRule) {
	t.Helper()
	meta := metav1.ObjectMeta{GenerateName: "waitfor-"}
	role, err := p.client.RbacV1().Roles(p.namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.client.RbacV1().RoleBindings(p.namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: p.namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		p.may(t, p.namespace, r)
	}
}

// newToken puts a fresh token where the kubelet would.
func (p *pod) newToken(t *testing.T) {
	t.Helper()
	request, err := p.client.CoreV1().ServiceAccounts(p.namespace).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, filepath.Join(p.tokenDir, "token"), request.Status.Token)
}

func (p *pod) write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// secret creates a Secret; data are pairs of keys and values.
func (p *pod) secret(t *testing.T, name string, data ...string) {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{}}
	for i := 0; i < len(data); i += 2 {
		s.StringData[data[i]] = data[i+1]
	}
	if _, err := p.client.CoreV1().Secrets(p.namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

var deleteNow = metav1.DeleteOptions{}
