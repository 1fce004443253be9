package charts

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/nudge"
)

// follower is what the chart seed-follow makes.
type follower struct {
	deployment appsv1.Deployment
	policy     admissionv1.ValidatingAdmissionPolicy
	binding    admissionv1.ValidatingAdmissionPolicyBinding
	everywhere rbacv1.ClusterRole
	roles      map[string]rbacv1.Role // by namespace/name
	kinds      []string
}

func renderFollow(values ...string) ([]string, error) {
	return Render("../..", "seed-follow", "seed-follow", "flux-system", values...)
}

func followed(t *testing.T, values ...string) follower {
	t.Helper()
	documents, err := renderFollow(append([]string{"image: {tag: v1}"}, values...)...)
	if err != nil {
		t.Fatal(err)
	}
	f := follower{roles: map[string]rbacv1.Role{}}
	for _, document := range documents {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatalf("%v:\n%s", err, document)
		}
		var role rbacv1.Role
		into, known := map[string]any{
			"Deployment": &f.deployment, "ValidatingAdmissionPolicy": &f.policy, "ValidatingAdmissionPolicyBinding": &f.binding,
			"ClusterRole": &f.everywhere, "Role": &role, "ServiceAccount": &corev1.ServiceAccount{},
			"RoleBinding": &rbacv1.RoleBinding{}, "ClusterRoleBinding": &rbacv1.ClusterRoleBinding{}, "PodMonitor": &map[string]any{},
		}[kind.Kind]
		if !known {
			t.Fatalf("a %s is rendered:\n%s", kind.Kind, document)
		}
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			t.Fatalf("%v:\n%s", err, document)
		}
		if kind.Kind == "Role" {
			f.roles[role.Namespace+"/"+role.Name] = role
		}
		f.kinds = append(f.kinds, kind.Kind)
	}
	return f
}

// One replica with what Pod Security "restricted" asks for, and more: nothing to write to and nothing mounted but the token.
func TestFollowDeployment(t *testing.T) {
	spec := followed(t).deployment.Spec
	pod := spec.Template.Spec
	if *spec.Replicas != 1 || len(pod.Containers) != 1 || pod.Volumes != nil || pod.Containers[0].VolumeMounts != nil || pod.HostNetwork {
		t.Errorf("%+v", spec)
	}
	c := pod.Containers[0]
	args := []string{"follow", "--watch", "--require-policy", "--enable-leader-election", "--log-encoding=json", "--log-level=info", "--root=flux-system/flux-system"}
	if !slices.Equal(c.Args, args) || c.Command != nil || c.Image != "ghcr.io/tazlab/seed:v1" {
		t.Errorf("image %s, command %v, args %v", c.Image, c.Command, c.Args)
	}
	if len(c.Env) != 2 || c.Env[0].Name != "RUNTIME_NAMESPACE" || c.Env[0].ValueFrom.FieldRef.FieldPath != "metadata.namespace" ||
		c.Env[1].Name != "GOMEMLIMIT" || c.Env[1].ValueFrom.ResourceFieldRef.Resource != "requests.memory" {
		t.Errorf("environment %+v", c.Env)
	}
	var want corev1.PodSpec
	err := yaml.UnmarshalStrict([]byte(`{securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}},
		containers: [{name: seed, securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}]}`), &want)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(pod.SecurityContext, want.SecurityContext) || !reflect.DeepEqual(c.SecurityContext, want.Containers[0].SecurityContext) {
		t.Errorf("security contexts %+v, %+v", pod.SecurityContext, c.SecurityContext)
	}
	if c.Resources.Limits.Memory().Cmp(*c.Resources.Requests.Memory()) <= 0 || c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
		t.Errorf("resources %+v", c.Resources)
	}
	for path, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.StrVal != "healthz" {
			t.Errorf("the probe of %s is %+v", path, probe)
		}
	}
}

// What may be written: one patch for the kinds that are nudged, and the Lease. No Secret that was not named can be read.
func TestFollowRights(t *testing.T) {
	f := followed(t, "secrets: [flux-system/git, apps/one, flux-system/oci]")
	patched, watched := map[string][]string{}, map[string][]string{}
	check := func(where string, rules []rbacv1.PolicyRule) {
		for _, rule := range rules {
			if slices.Contains(rule.Verbs, "list") && slices.Contains(rule.Verbs, "watch") {
				watched[rule.APIGroups[0]] = append(watched[rule.APIGroups[0]], rule.Resources...)
			}
			verbs := slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == "get" || v == "list" || v == "watch" })
			if slices.Equal(verbs, []string{"patch"}) {
				patched[rule.APIGroups[0]] = append(patched[rule.APIGroups[0]], rule.Resources...)
			} else if len(verbs) > 0 && !slices.Equal(rule.Resources, []string{"leases"}) {
				t.Errorf("%s: %v of %v", where, rule.Verbs, rule.Resources)
			}
			if slices.Contains(rule.Resources, "secrets") && len(rule.ResourceNames) == 0 || slices.Contains(rule.Resources, "*") {
				t.Errorf("%s: %+v", where, rule)
			}
		}
	}
	check("everywhere", f.everywhere.Rules)
	for where, role := range f.roles {
		check(where, role.Rules)
	}
	want := map[string][]string{
		"kustomize.toolkit.fluxcd.io": {"kustomizations"}, "helm.toolkit.fluxcd.io": {"helmreleases"}, "external-secrets.io": {"externalsecrets"},
		"source.toolkit.fluxcd.io": {"gitrepositories", "ocirepositories", "helmrepositories", "buckets"},
	}
	if !reflect.DeepEqual(patched, want) {
		t.Errorf("may patch %v, want %v", patched, want)
	}
	onlyWatched := map[string][]string{
		"source.toolkit.fluxcd.io": {"helmcharts", "externalartifacts"}, "external-secrets.io": {"secretstores", "clustersecretstores"},
	}
	for group, kinds := range want {
		if all := slices.Concat(kinds, onlyWatched[group]); !slices.Equal(watched[group], all) {
			t.Errorf("may watch %v of %s, want %v", watched[group], group, all)
		}
	}
	for name, secrets := range map[string][]string{"flux-system/seed-follow-secrets": {"git", "oci"}, "apps/seed-follow-secrets": {"one"}} {
		rules := f.roles[name].Rules
		if len(rules) != 1 || !slices.Equal(rules[0].ResourceNames, secrets) || !slices.Equal(rules[0].Verbs, []string{"get", "list", "watch"}) {
			t.Errorf("%s: %+v", name, rules)
		}
	}
}

// Pods are looked at where Flux runs; who names no root asks for that everywhere.
func TestFollowRoots(t *testing.T) {
	podsEverywhere := func(f follower) bool {
		return slices.ContainsFunc(f.everywhere.Rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "pods") })
	}
	named := followed(t, "roots: [gitops/main, gitops/other]")
	args := named.deployment.Spec.Template.Spec.Containers[0].Args
	if _, has := named.roles["gitops/seed-follow-flux"]; !has || podsEverywhere(named) || !slices.Equal(args[6:], []string{"--root=gitops/main", "--root=gitops/other"}) {
		t.Errorf("roles %v, args %v", named.roles, args)
	}
	if all := followed(t, "roots: []"); len(all.roles) != 1 || !podsEverywhere(all) {
		t.Errorf("roles %v, everywhere %+v", all.roles, all.everywhere.Rules)
	}
}

// test/follow proves what the policy refuses; here: that it is one that refuses.
func TestFollowPolicy(t *testing.T) {
	f := followed(t)
	spec, deny := f.policy.Spec, []admissionv1.ValidationAction{admissionv1.Deny}
	if *spec.FailurePolicy != admissionv1.Fail || f.binding.Spec.PolicyName != f.policy.Name || !slices.Equal(f.binding.Spec.ValidationActions, deny) {
		t.Errorf("policy %+v, binding %+v", spec, f.binding.Spec)
	}
	if !slices.ContainsFunc(spec.Validations, func(v admissionv1.Validation) bool {
		return strings.Contains(v.Expression, "after.metadata") && strings.Contains(v.Message, nudge.Refusal)
	}) {
		t.Errorf("of a label it does not say what seed knows it by: %+v", spec.Validations)
	}
	if len(spec.MatchConditions) != 1 || !strings.Contains(spec.MatchConditions[0].Expression, "'system:serviceaccount:flux-system:seed-follow'") {
		t.Errorf("it counts for %+v", spec.MatchConditions)
	}
}

func TestFollowSettings(t *testing.T) {
	if env := followed(t, `{resources: {requests: {memory: null}}}`).deployment.Spec.Template.Spec.Containers[0].Env; len(env) != 1 {
		t.Errorf("without a request for memory the environment is %+v", env)
	}
	f := followed(t, `{imagePullSecrets: [pull], logLevel: debug, podMonitor: {enabled: true, labels: {a: b}}, resources: {limits: {memory: 64Mi}}}`)
	pod := f.deployment.Spec.Template.Spec
	if len(pod.ImagePullSecrets) != 1 || pod.ImagePullSecrets[0].Name != "pull" || !slices.Contains(pod.Containers[0].Args, "--log-level=debug") {
		t.Errorf("%+v", pod)
	}
	if !slices.Contains(f.kinds, "PodMonitor") || slices.Contains(followed(t).kinds, "PodMonitor") {
		t.Error("the PodMonitor does not follow its switch")
	}
}

func TestFollowRefused(t *testing.T) {
	for name, c := range map[string]struct{ values, want string }{
		"no version":               {"image: {tag: ''}", "tag"},
		"a digest cut short":       {"image: {digest: 'sha256:abc'}", "digest"},
		"a misspelt value":         {"root: [a/b]", "'root'"},
		"a root without namespace": {"roots: [main]", "roots/0"},
		"all Secrets":              {"secrets: ['flux-system/*']", "secrets/0"},
		"no such level":            {"logLevel: warn", "logLevel"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := renderFollow("image: {tag: v1}", c.values)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error that names %s", err, c.want)
			}
		})
	}
}
