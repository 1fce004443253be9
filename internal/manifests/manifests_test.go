package manifests_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/manifests"
	"github.com/tazlab/seed/internal/secret"
)

// bundle is a root with a Git credential that nothing in the tree brings: the inline manifest carries it.
const bundle = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: https://git.example.com/fleet.git, ref: {branch: main}, secretRef: {name: git}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./clusters/home, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`

const docker = `{"credsStore": "x", "auths": {"ghcr.io": {"auth": "czNjcjN0"}}}`

// full is an input with every setting.
func full() manifests.Input {
	in := manifests.Input{
		Bundle: []byte(bundle), Image: "ghcr.io/tazlab/seed:v1", Talos: true, CA: []byte(certificate), PullSecret: secret.New(docker),
		Identity: manifests.Identity{"": {"username": secret.New("git"), "password": secret.New("s3cr3t")}},
		Proxy:    "http://proxy.home:3128", NoProxy: ".lan,10.0.0.0/8", Deadline: 30 * time.Minute,
		EventsAddr: "http://notification-controller.flux-system.svc/",
	}
	if err := in.Until.Set("ks/apps"); err != nil {
		panic(err)
	}
	if err := in.Mirrors.Set("ghcr.io=registry.home:5000/ghcr"); err != nil {
		panic(err)
	}
	return in
}

// objects are those of the manifest by kind, or kind and name where there are two.
func objects(t *testing.T, in manifests.Input) map[string]*unstructured.Unstructured {
	t.Helper()
	out, err := manifests.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*unstructured.Unstructured{}
	for document := range strings.SplitSeq(string(out), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		key := object.GetKind()
		if all[key] != nil {
			key += " " + object.GetName()
		}
		all[key] = object
		for _, noise := range []string{"creationTimestamp", "\nstatus:", ": {}", ": null"} {
			if strings.Contains(document, noise) {
				t.Errorf("%s costs bytes with %q", key, noise)
			}
		}
	}
	return all
}

// setOf is the set that all objects agree on, but for those that all sets share.
func setOf(t *testing.T, all map[string]*unstructured.Unstructured) string {
	t.Helper()
	set := all["Job"].GetLabels()["seed.tazlab.net/set"]
	if len(set) != 10 || strings.Trim(set, "0123456789abcdef") != "" {
		t.Errorf("the set is %q", set)
	}
	want := []string{"ClusterRoleBinding seed-" + set, "ConfigMap seed-" + set, "Job seed-" + set, "Namespace seed-system", "Role seed-" + set, "RoleBinding seed-" + set, "Secret git-" + set, "Secret seed-pull-" + set, "ServiceAccount seed"}
	var got []string
	for _, object := range all {
		got = append(got, object.GetKind()+" "+object.GetName())
		label, labelled := object.GetLabels()["seed.tazlab.net/set"]
		if shared := object.GetKind() == "Namespace" || object.GetKind() == "ServiceAccount"; shared == labelled || labelled && label != set {
			t.Errorf("%s has the set %q", got[len(got)-1], label)
		}
		if namespace := object.GetNamespace(); namespace != "seed-system" && !strings.HasPrefix(object.GetKind(), "Cluster") && object.GetKind() != "Namespace" {
			t.Errorf("%s is in %q", got[len(got)-1], namespace)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("objects %q, want %q", got, want)
	}
	return set
}

// Talos never changes what is there: whatever is rendered otherwise is a new set, and the same input is the same one.
func TestSets(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, change := range map[string]func(*manifests.Input){
		"nothing":    func(*manifests.Input) {},
		"bundle":     func(in *manifests.Input) { in.Bundle = []byte(strings.Replace(bundle, "10m", "11m", 1)) },
		"identity":   func(in *manifests.Input) { in.Identity[""]["password"] = secret.New("rotated") },
		"image":      func(in *manifests.Input) { in.Image = "ghcr.io/tazlab/seed:v2" },
		"Talos":      func(in *manifests.Input) { in.Talos = false },
		"API server": func(in *manifests.Input) { in.Talos, in.APIServer = false, "10.0.0.1:6443" },
		"CA":         func(in *manifests.Input) { in.CA = []byte(certificate + certificate) },
		"pull":       func(in *manifests.Input) { in.PullSecret = secret.New(strings.Replace(docker, "czNjcjN0", "bmV3", 1)) },
		"mirror":     func(in *manifests.Input) { _ = in.Mirrors.Set("quay.io=registry.home:5000/quay") },
		"proxy":      func(in *manifests.Input) { in.Proxy = "http://other.home:3128" },
		"goal":       func(in *manifests.Input) { _ = in.Until.Set("hr/apps/blog") },
		"deadline":   func(in *manifests.Input) { in.Deadline = time.Hour },
		"no proxy":   func(in *manifests.Input) { in.NoProxy = ".lan" },
	} {
		in := full()
		change(&in)
		set := setOf(t, objects(t, in))
		if other, there := seen[set]; there {
			t.Errorf("%s and %s have the same set", name, other)
		}
		seen[set] = name
		first, err := manifests.Render(in)
		for range 5 { // maps have another order each time
			again, againErr := manifests.Render(in)
			if err != nil || againErr != nil || string(first) != string(again) {
				t.Fatalf("%s: two manifests of one input: %v, %v", name, err, againErr)
			}
		}
	}
}

// What every object refers to is in the same set.
func TestReferences(t *testing.T) {
	t.Parallel()
	all := objects(t, full())
	set := setOf(t, all)
	for path, want := range map[string]string{
		"Job spec.template.spec.serviceAccountName":                 "seed",
		"Job spec.template.spec.containers.0.args":                  "[run --set=" + set + " --registry-mirror=ghcr.io=registry.home:5000/ghcr --until=kustomization/apps --deadline=30m0s --events-addr=http://notification-controller.flux-system.svc/]",
		"Job spec.template.spec.containers.0.image":                 "registry.home:5000/ghcr/tazlab/seed:v1",
		"Job spec.template.spec.volumes.0.configMap.name":           "seed-" + set,
		"Job spec.template.spec.imagePullSecrets.0.name":            "seed-pull-" + set,
		"Job spec.ttlSecondsAfterFinished":                          "300",
		"Job spec.backoffLimit":                                     "1000",
		"Job spec.podFailurePolicy.rules.0.action":                  "FailJob",
		"Job spec.podFailurePolicy.rules.0.onExitCodes.values":      "[3 4]",
		"Job spec.podFailurePolicy.rules.1.action":                  "Ignore",
		"Job spec.podFailurePolicy.rules.1.onPodConditions.0.type":  "DisruptionTarget",
		"ClusterRoleBinding roleRef.name":                           "cluster-admin",
		"ClusterRoleBinding subjects.0.name":                        "seed",
		"RoleBinding roleRef.name":                                  "seed-" + set,
		"RoleBinding subjects.0.namespace":                          "seed-system",
		"Role rules.0.resourceNames":                                "[seed-report]",
		"Role rules.0.verbs":                                        "[get]",
		"Role rules.1.resources":                                    "[events]",
		"Role rules.1.verbs":                                        "[create]",
		"Secret stringData.password":                                "s3cr3t",
		"Secret seed-pull-" + set + " type":                         "kubernetes.io/dockerconfigjson",
		"Secret seed-pull-" + set + " stringData..dockerconfigjson": `{"auths":{"ghcr.io":{"auth":"czNjcjN0"}}}`,
	} {
		at := strings.LastIndex(path, " ")
		if got := field(all[path[:at]].Object, path[at+1:]); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if config := all["ConfigMap"]; field(config.Object, "data.bundle.yaml") != bundle || field(config.Object, "data.ca.crt") != certificate {
		t.Errorf("the ConfigMap holds %v", config.Object["data"])
	}
	if rules, _, _ := unstructured.NestedSlice(all["Role"].Object, "rules"); len(rules) != 2 {
		t.Errorf("the Role that stays has %d rules", len(rules))
	}
}

// Where the Pod runs and how it reaches the API server, on Talos and elsewhere, with a proxy and without.
func TestTheWayToTheAPIServer(t *testing.T) {
	t.Parallel()
	const required, preferred = "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0", "preferredDuringSchedulingIgnoredDuringExecution.0.preference"
	for name, test := range map[string]struct {
		talos              bool
		server             string
		proxy, noProxy     string
		affinity           string
		host, port, direct string
	}{
		"Talos":              {talos: true, affinity: required, host: "127.0.0.1", port: "7445"},
		"Talos, proxy":       {talos: true, proxy: "http://p:1", affinity: required, host: "127.0.0.1", port: "7445", direct: "127.0.0.1"},
		"Talos, no proxy":    {talos: true, proxy: "http://p:1", noProxy: ".lan", affinity: required, host: "127.0.0.1", port: "7445", direct: "127.0.0.1,.lan"},
		"elsewhere":          {affinity: preferred},
		"elsewhere, proxy":   {proxy: "socks5://p:1", noProxy: ".lan", affinity: preferred, direct: "$(KUBERNETES_SERVICE_HOST),.lan"},
		"API server":         {server: "10.0.0.1:6443", affinity: preferred, host: "10.0.0.1", port: "6443"},
		"API server, proxy":  {server: "[fd00::1]:6443", proxy: "https://p:1", affinity: preferred, host: "fd00::1", port: "6443", direct: "fd00::1"},
		"API server by name": {server: "api.lan:443", affinity: preferred, host: "api.lan", port: "443"},
	} {
		in := full()
		in.Talos, in.APIServer, in.Proxy, in.NoProxy = test.talos, test.server, test.proxy, test.noProxy
		pod, _, err := unstructured.NestedMap(objects(t, in)["Job"].Object, "spec", "template", "spec")
		if err != nil {
			t.Fatal(err)
		}
		if got := field(pod, "affinity.nodeAffinity."+test.affinity+".matchExpressions.0.key"); got != "node-role.kubernetes.io/control-plane" {
			t.Errorf("%s: affinity %v", name, pod["affinity"])
		}
		variables := map[string]string{}
		list, _, _ := unstructured.NestedSlice(pod["containers"].([]any)[0].(map[string]any), "env")
		for _, one := range list {
			variables[field(one, "name")] = field(one, "value")
		}
		want := map[string]string{
			"GOMEMLIMIT": "40MiB", "POD_NAME": "<nil>", "POD_UID": "<nil>", "KUBERNETES_SERVICE_HOST": test.host, "KUBERNETES_SERVICE_PORT": test.port,
			"HTTPS_PROXY": test.proxy, "HTTP_PROXY": test.proxy, "NO_PROXY": test.direct,
		}
		maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
		if !maps.Equal(variables, want) {
			t.Errorf("%s: variables %v, want %v", name, variables, want)
		}
	}
}
