package manifests

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

// namespace allows hostNetwork, which Talos' default Pod Security level "baseline" forbids. All sets share it.
func namespace() *corev1.Namespace {
	labels := set.Set("").Labels()
	labels["pod-security.kubernetes.io/enforce"] = "privileged"
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: labels},
	}
}

// serviceAccount is who seed is in every set: a vault knows it by its name.
func serviceAccount() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: own("")}
}

// access is what seed may do. The Role stays when a birth has ended: with it a run without rights reads that there is
// nothing to do. The ClusterRoleBinding gives cluster-admin until then: Flux' own manifests bind it to Flux'
// controllers, and the API server lets nobody grant what he has not.
func access(s set.Set) []any {
	account := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: set.ServiceAccount}}
	return []any{
		&rbacv1.Role{
			TypeMeta: rbacType("Role"), ObjectMeta: own(s),
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{report.ConfigMap}, Verbs: []string{"get"}},
				{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create"}},
			},
		},
		&rbacv1.RoleBinding{
			TypeMeta: rbacType("RoleBinding"), ObjectMeta: own(s),
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: s.Name()}, Subjects: account,
		},
		&rbacv1.ClusterRoleBinding{
			TypeMeta: rbacType("ClusterRoleBinding"), ObjectMeta: metav1.ObjectMeta{Name: s.Name(), Labels: s.Labels()},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"}, Subjects: account,
		},
	}
}

func rbacType(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}
