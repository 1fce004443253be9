package charts

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
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

// render does what source-controller and helm-controller do: it puts the library into the chart, as Chart.yaml says,
// checks the values, and fills in the templates.
func render(values ...string) (map[string]string, error) {
	chart, err := loader.LoadDir("../../charts/pgadmin")
	if err != nil {
		return nil, err
	}
	for _, dependency := range chart.Metadata.Dependencies {
		library, err := loader.LoadDir("../../charts/pgadmin/" + strings.TrimPrefix(dependency.Repository, "file://"))
		if err != nil {
			return nil, err
		}
		chart.AddDependency(library)
	}
	merged := map[string]any{}
	for _, text := range values {
		layer, err := loader.LoadValues(strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		merged = loader.MergeMaps(merged, layer)
	}
	options := common.ReleaseOptions{Name: "pgadmin", Namespace: "tazlab-db", Revision: 1, IsInstall: true}
	filled, err := util.ToRenderValues(chart, merged, options, nil)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, filled)
}

func rendered(t *testing.T, values ...string) release {
	t.Helper()
	files, err := render(append([]string{needed}, values...)...)
	if err != nil {
		t.Fatal(err)
	}
	var r release
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, document := range strings.Split(files[name], "\n---\n") {
			r.read(t, document)
		}
	}
	return r
}

func (r *release) read(t *testing.T, document string) {
	t.Helper()
	if strings.TrimSpace(document) == "" {
		return
	}
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
