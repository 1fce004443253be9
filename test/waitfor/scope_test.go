//go:build apiserver

package waitfor_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// allowCluster grants rights in all of the cluster.
func (p *pod) allowCluster(t *testing.T, rules ...rbacv1.PolicyRule) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: p.namespace}
	rbac := p.client.RbacV1()
	_, err := rbac.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
	if err == nil {
		_, err = rbac.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: p.namespace}},
		}, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		p.may(t, "", r)
	}
}

// Kinds without namespaces need none, and take none.
func TestClusterScoped(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	crd := newWidgets(p, "v1")
	name, node := "widgets."+crd.group, "node-"+p.namespace
	p.allowCluster(t, named("namespaces", p.namespace), named("nodes", node), inGroup("apiextensions.k8s.io", "customresourcedefinitions", name))
	p.start(t, nil, "namespace/"+p.namespace, "ns/"+p.namespace+"#jsonpath={.status.phase}=Active").end(t, 0, "it is there")

	w := p.start(t, nil, "node/"+node+"#condition=Ready", "crd/"+name+"#condition=Established")
	w.awaitAll(t, "waiting for node/"+node, "waiting for crd/"+name)
	crd.install(t, "Widget")
	w.await(t, "met: crd/"+name)
	made, err := p.client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}, metav1.CreateOptions{})
	if err == nil {
		made.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		_, err = p.client.CoreV1().Nodes().UpdateStatus(t.Context(), made, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	w.end(t, 0, "node/"+node, "crd/"+name)
	p.start(t, nil, "default/node/"+node).end(t, 2, "a Node has no namespace: leave default/ out")
}

// A target may be in another namespace than the Pod, which then has the Role.
func TestOtherNamespace(t *testing.T) {
	t.Parallel()
	p, other := newPod(t, admin), newPod(t, admin)
	other.secret(t, "database")
	for _, arguments := range [][]string{{other.namespace + "/secret/database"}, {"--namespace", other.namespace, "secret/database"}} {
		w := p.start(t, nil, append([]string{"--forbidden-grace=1ms"}, arguments...)...)
		message := w.end(t, 4, "is forbidden: User", "in the namespace \""+other.namespace)
		p.applyPrinted(t, message)
		p.start(t, nil, arguments...).end(t, 0, "it is there")
		if err := p.client.RbacV1().Roles(other.namespace).DeleteCollection(t.Context(), deleteNow, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := p.client.RbacV1().RoleBindings(other.namespace).DeleteCollection(t.Context(), deleteNow, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the end of a right", func() bool { return !p.allowed(t, other.namespace, named("secrets", "database")) })
	}
}
