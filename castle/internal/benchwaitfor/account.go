package benchwaitfor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// The objects of the benchmark.
const (
	namespace      = "bench"
	serviceAccount = "waiter"
	never          = "never" // a Secret that does not come
	there          = "there" // one that is there already
	awaited        = "awaited"
)

// admit makes the ServiceAccount of all waiters, with the rights that the documentation of waitfor asks for and no more.
func admit(ctx context.Context, client kubernetes.Interface) error {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: serviceAccount}
	_, err1 := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	_, err2 := client.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{})
	_, err3 := client.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{never, there, awaited}, Verbs: []string{"get", "watch"},
	}}}, metav1.CreateOptions{})
	_, err4 := client.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: serviceAccount},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: serviceAccount}},
	}, metav1.CreateOptions{})
	err5 := bring(ctx, client, there)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return fmt.Errorf("make the waiters' account: %w", err)
	}
	return nil
}

// bring creates the Secret of this name.
func bring(ctx context.Context, client kubernetes.Interface, name string) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: map[string]string{"key": "value"}}
	_, err := client.CoreV1().Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{})
	return err
}

// take deletes the Secret of this name.
func take(ctx context.Context, client kubernetes.Interface, name string) error {
	return client.CoreV1().Secrets(namespace).Delete(ctx, name, metav1.DeleteOptions{})
}

func (s *server) admit(ctx context.Context) error {
	if err := admit(ctx, s.client); err != nil {
		return err
	}
	return s.account(ctx, 0)
}

// account writes the files that a Pod would have of its ServiceAccount, and a kubeconfig that leads to them. Each has a
// token of its own, as each Pod has.
func (s *server) account(ctx context.Context, n int) error {
	hour := int64(3600)
	token, err := s.client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, serviceAccount,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("make the token of waiter %d: %w", n, err)
	}
	dir := s.accountDir(n)
	file := func(name string) string { return filepath.Join(dir, name) }
	config := api.NewConfig()
	config.Clusters["bench"] = &api.Cluster{Server: "https://" + s.host, CertificateAuthority: file("ca.crt")}
	config.AuthInfos["bench"] = &api.AuthInfo{TokenFile: file("token")}
	config.Contexts["bench"] = &api.Context{Cluster: "bench", AuthInfo: "bench", Namespace: namespace}
	config.CurrentContext = "bench"
	err = errors.Join(
		os.Mkdir(dir, 0o700),
		os.WriteFile(file("token"), []byte(token.Status.Token), 0o600),
		os.WriteFile(file("ca.crt"), s.ca, 0o600),
		os.WriteFile(file("namespace"), []byte(namespace), 0o600),
		clientcmd.WriteToFile(*config, file("kubeconfig")),
	)
	if err != nil {
		return fmt.Errorf("write the files of waiter %d: %w", n, err)
	}
	return nil
}

// environment is that of a waiter: the API server and the account, as a Pod's, and as kubectl outside of a Pod needs
// them. In HOME nothing can be made, not even by root, as in a Pod with a read-only root: kubectl keeps nothing between its
// tries.
func (b *bench) environment(s *server, n int) ([]string, error) {
	host, port, err := net.SplitHostPort(s.host)
	if err != nil {
		return nil, fmt.Errorf("address of the API server: %w", err)
	}
	dir := s.accountDir(n)
	return []string{
		"PATH=" + filepath.Dir(b.tools["kubectl"]) + ":/usr/bin:/bin", "HOME=/proc",
		"KUBECONFIG=" + filepath.Join(dir, "kubeconfig"),
		"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port,
		"WAITFOR_TOKEN_DIR=" + dir, "WAITFOR_TERMINATION_LOG=" + filepath.Join(dir, "message"),
	}, nil
}
