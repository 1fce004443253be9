package charts

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// needed are the values without which the chart does not render.
const needed = "email: a@example.com\nwaitfor: {image: {tag: v1}}\n"

// release is what the chart pgadmin makes of the waiting.
type release struct {
	deployment appsv1.Deployment
	account    corev1.ServiceAccount
	role       rbacv1.Role
	binding    rbacv1.RoleBinding
	kinds      []string
}

// render renders the chart pgadmin.
func render(values ...string) ([]string, error) {
	return Render("../..", "pgadmin", "pgadmin", "tazlab-db", values...)
}

func rendered(t *testing.T, values ...string) release {
	t.Helper()
	documents, err := render(append([]string{needed}, values...)...)
	if err != nil {
		t.Fatal(err)
	}
	var r release
	for _, document := range documents {
		r.read(t, document)
	}
	return r
}

func (r *release) read(t *testing.T, document string) {
	t.Helper()
	var kind struct{ Kind string }
	if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
		t.Fatalf("%v:\n%s", err, document)
	}
	r.kinds = append(r.kinds, kind.Kind)
	into, known := map[string]any{
		"Deployment": &r.deployment, "ServiceAccount": &r.account, "Role": &r.role, "RoleBinding": &r.binding, "Service": &corev1.Service{},
	}[kind.Kind]
	if !known {
		t.Fatalf("a %s is rendered:\n%s", kind.Kind, document)
	}
	if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
		t.Fatalf("%v:\n%s", err, document)
	}
}

// pod is the Pod's, with its only init container.
func (r release) pod(t *testing.T) (corev1.PodSpec, corev1.Container) {
	t.Helper()
	pod := r.deployment.Spec.Template.Spec
	if len(pod.InitContainers) != 1 {
		t.Fatalf("%d init containers, want one", len(pod.InitContainers))
	}
	return pod, pod.InitContainers[0]
}
