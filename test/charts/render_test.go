package charts

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// events is the rule to write why the Pod waits.
var events = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create"}}

func look(resource string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{resource}, ResourceNames: names, Verbs: []string{"get", "watch"}}
}

func TestDefaults(t *testing.T) {
	r := rendered(t)
	pod, container := r.pod(t)
	if want := []string{"Deployment", "Service", "ServiceAccount", "Role", "RoleBinding"}; !slices.Equal(r.kinds, want) {
		t.Errorf("rendered %v, want %v", r.kinds, want)
	}
	if container.Image != "ghcr.io/tazlab/waitfor:v1" || container.Command != nil || container.Args != nil {
		t.Errorf("image %s, command %v, args %v", container.Image, container.Command, container.Args)
	}
	env := map[string]string{}
	for _, e := range container.Env {
		env[e.Name] = e.Value
		if e.ValueFrom != nil {
			env[e.Name] = e.ValueFrom.FieldRef.FieldPath
		}
	}
	want := map[string]string{
		"WAITFOR_TARGETS":  "secret/tazlab-db-pguser-pgadmin#key=password",
		"WAITFOR_POD_NAME": "metadata.name", "WAITFOR_POD_UID": "metadata.uid",
	}
	if !reflect.DeepEqual(env, want) {
		t.Errorf("environment %v, want %v", env, want)
	}
	if !container.Resources.Requests.Cpu().Equal(resource.MustParse("5m")) || !container.Resources.Limits.Memory().Equal(resource.MustParse("32Mi")) {
		t.Errorf("resources %v", container.Resources)
	}
	if image := pod.Containers[0].Image; image != "docker.io/dpage/pgadmin4:9.17" {
		t.Errorf("the app's image is %s", image)
	}
}

// What Pod Security "restricted" asks for, and more: no writable file, no token but the init container's.
func TestSecurity(t *testing.T) {
	pod, container := rendered(t).pod(t)
	var want corev1.SecurityContext
	err := yaml.UnmarshalStrict([]byte(`{runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
		capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}`), &want)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*container.SecurityContext, want) {
		t.Errorf("the init container's security context is %+v", container.SecurityContext)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Error("the Pod's token is mounted into each container")
	}
	mounts := []corev1.VolumeMount{{Name: "waitfor-token", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}}
	if !reflect.DeepEqual(container.VolumeMounts, mounts) {
		t.Errorf("the init container mounts %+v", container.VolumeMounts)
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if mount.Name == "waitfor-token" {
			t.Error("the app mounts the init container's token")
		}
	}
	var volume corev1.Volume
	err = yaml.UnmarshalStrict([]byte(`{name: waitfor-token, projected: {sources: [
		{serviceAccountToken: {path: token, expirationSeconds: 3600}},
		{configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}},
		{downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}}]}}`), &volume)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return reflect.DeepEqual(v, volume) }) {
		t.Errorf("the volumes are %+v", pod.Volumes)
	}
}

func TestLeastRole(t *testing.T) {
	for name, c := range map[string]struct {
		values string
		want   []rbacv1.PolicyRule
	}{
		"the default":            {"", []rbacv1.PolicyRule{look("secrets", "tazlab-db-pguser-pgadmin"), events}},
		"another Secret":         {"userSecret: other", []rbacv1.PolicyRule{look("secrets", "other"), events}},
		"Secrets and ConfigMaps": {"waitfor: {targets: [secrets/a, secret/b#key=c, configmap/d, secret/a#key=e]}", []rbacv1.PolicyRule{look("configmaps", "d"), look("secrets", "a", "b"), events}},
		"several in one text":    {"waitfor: {targets: ['secret/a\n\nsecret/b']}", []rbacv1.PolicyRule{look("secrets", "a", "b"), events}},
		"addresses only":         {"waitfor: {targets: ['tcp://db:5432', 'https://a/b#status=200', 'dns://db', 'postgres://db/app#password-file=/x/y']}", []rbacv1.PolicyRule{events}},
		"another kind": {
			"waitfor: {targets: [secret/a, job/b#complete], rules: [{apiGroups: [batch], resources: [jobs], resourceNames: [b], verbs: [get, watch]}]}",
			[]rbacv1.PolicyRule{look("secrets", "a"), events, {APIGroups: []string{"batch"}, Resources: []string{"jobs"}, ResourceNames: []string{"b"}, Verbs: []string{"get", "watch"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := rendered(t, c.values)
			if !reflect.DeepEqual(r.role.Rules, c.want) {
				t.Errorf("rules %+v\nwant  %+v", r.role.Rules, c.want)
			}
			subject := rbacv1.Subject{Kind: "ServiceAccount", Name: r.account.Name, Namespace: "tazlab-db"}
			if r.binding.RoleRef.Name != r.role.Name || !reflect.DeepEqual(r.binding.Subjects, []rbacv1.Subject{subject}) {
				t.Errorf("the binding gives %+v to %+v", r.binding.RoleRef, r.binding.Subjects)
			}
			if r.deployment.Spec.Template.Spec.ServiceAccountName != "pgadmin-waitfor" || r.account.Name != "pgadmin-waitfor" {
				t.Errorf("the Pod's account is %s, not %s", r.deployment.Spec.Template.Spec.ServiceAccountName, r.account.Name)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	_, container := rendered(t, `waitfor: {args: [--timeout=30m], resources: {limits: {memory: 64Mi}},
		image: {repository: registry.example.com/waitfor, digest: "sha256:`+strings.Repeat("a", 64)+`"}}`).pod(t)
	if !slices.Equal(container.Args, []string{"--timeout=30m"}) || !container.Resources.Limits.Memory().Equal(resource.MustParse("64Mi")) {
		t.Errorf("args %v, resources %v", container.Args, container.Resources)
	}
	if want := "registry.example.com/waitfor:v1@sha256:" + strings.Repeat("a", 64); container.Image != want {
		t.Errorf("image %s, want %s", container.Image, want)
	}
}

// What would give a Pod that waits for nothing, or for ever, is no chart.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ values, want string }{
		"no version":               {"waitfor: {image: {tag: ''}}", "tag"},
		"no target":                {"waitfor: {targets: []}", "targets"},
		"an empty target":          {"waitfor: {targets: ['']}", "targets/0"},
		"a misspelt value":         {"waitfor: {target: [secret/a]}", "'target'"},
		"a misspelt value above":   {"wait: {}", "'wait'"},
		"a digest cut short":       {"waitfor: {image: {digest: 'sha256:abc'}}", "digest"},
		"a target in args":         {"waitfor: {args: [secret/a]}", "args/0"},
		"too many rights":          {"waitfor: {rules: [{apiGroups: [''], resources: [secrets], verbs: ['*']}]}", "verbs/0"},
		"no address to log in":     {"email: nobody", "email"},
		"a kind without rules":     {"waitfor: {targets: [job/b#complete]}", `waitfor rbac -n tazlab-db "job/b#complete"`},
		"another namespace":        {"waitfor: {targets: [other/secret/b]}", `waitfor rbac -n tazlab-db "other/secret/b"`},
		"a selector":               {"waitfor: {targets: ['pod?app=db#ready']}", `"pod?app=db#ready"`},
		"a password from a Secret": {"waitfor: {targets: ['postgres://a@db/app#password-secret=x/y']}", "password-secret=x/y"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(needed, c.values)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error that names %s", err, c.want)
			}
		})
	}
}
