package kinds_test

import (
	"testing"

	"github.com/tazlab/seed/internal/wait/kinds"
)

func TestBuiltin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, version, group, want string }{
		{"secret", "", "", "/v1, Resource=secrets"},
		{"secrets", "", "", "/v1, Resource=secrets"},
		{"Secret", "", "", "/v1, Resource=secrets"},
		{"SECRETS", "v1", "", "/v1, Resource=secrets"},
		{"cm", "", "", "/v1, Resource=configmaps"},
		{"CM", "", "", "/v1, Resource=configmaps"},
		{"Endpoints", "", "", "/v1, Resource=endpoints"},
		{"deploy", "", "", "apps/v1, Resource=deployments"},
		{"deployment", "", "apps", "apps/v1, Resource=deployments"},
		{"StatefulSet", "v1", "apps", "apps/v1, Resource=statefulsets"},
		{"ing", "", "networking.k8s.io", "networking.k8s.io/v1, Resource=ingresses"},
		{"crds", "", "", "apiextensions.k8s.io/v1, Resource=customresourcedefinitions"},
		{"hpa", "", "", "autoscaling/v2, Resource=horizontalpodautoscalers"},
		{"hpa", "v1", "autoscaling", "autoscaling/v1, Resource=horizontalpodautoscalers"},
		{"cronjob", "v1beta1", "batch", "batch/v1beta1, Resource=cronjobs"},
		{"cronjob", "v1beta1", "", "batch/v1beta1, Resource=cronjobs"},
		{"ev", "", "", "/v1, Resource=events"},
		{"Event", "", "events.k8s.io", "events.k8s.io/v1, Resource=events"},
	} {
		got, ok := kinds.Builtin(c.kind, c.version, c.group)
		if !ok || got.GroupVersionResource.String() != c.want {
			t.Errorf("%q, %q, %q: %v, %t; want %s", c.kind, c.version, c.group, got.GroupVersionResource, ok, c.want)
		}
	}
}

func TestBuiltinTellsWhatAKindIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, want         string
		namespaced, status bool
	}{
		{"sts", "StatefulSet", true, true}, {"secret", "Secret", true, false},
		{"nodes", "Node", false, true}, {"storageclass", "StorageClass", false, false},
	} {
		if got, _ := kinds.Builtin(c.kind, "", ""); got.Kind != c.want || got.Namespaced != c.namespaced || got.Status != c.status {
			t.Errorf("%s is %+v", c.kind, got)
		}
	}
}

func TestBuiltinKnowsNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, version, group string }{
		{"", "", ""}, {"-", "", ""}, {"secrte", "", ""}, {"all", "", ""}, {"secret/", "", ""}, {" secret", "", ""},
		{"secret", "", "apps"}, {"deployment", "", "APPS"}, {"ingress", "v1beta1", "extensions"}, {"deployment", "", "v1"},
		{"event", "", "k8s.io"}, {"externalsecret", "", ""}, {"gateway", "", "gateway.networking.k8s.io"},
		{"pods", "", "metrics.k8s.io"}, {"tokenreview", "", ""}, {"deployments/scale", "", "apps"}, {"tokens", "", ""},
		{"componentstatus", "", ""}, // cannot be watched
	} {
		if got, ok := kinds.Builtin(c.kind, c.version, c.group); ok || got != (kinds.Resource{}) {
			t.Errorf("%q, %q, %q: %+v", c.kind, c.version, c.group, got)
		}
	}
}

func TestOwnGroup(t *testing.T) {
	t.Parallel()
	for _, group := range []string{"", "apps", "batch", "networking.k8s.io", "apiextensions.k8s.io", "authorization.k8s.io"} {
		if !kinds.OwnGroup(group) {
			t.Errorf("%q is no own group", group)
		}
	}
	for _, group := range []string{
		"snapshot.storage.k8s.io", "gateway.networking.k8s.io", "metrics.k8s.io", "cluster.x-k8s.io", "policy.networking.k8s.io",
		"external-secrets.io", "example.com", "k8s.io", "Apps", "v1",
		"resource.k8s.io", // in the table, but DeviceTaintRule is not
	} {
		if kinds.OwnGroup(group) {
			t.Errorf("%q is an own group", group)
		}
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	for typo, want := range map[string]string{
		"secrte": "secret", "secrets": "secrets", "Secretz": "secret", "SECRTES": "secrets", "sceret": "secret",
		"confgmap": "configmap", "config-map": "configmap", "deploymnet": "deployment", "deplyments": "deployments",
		"deploi": "deploy", "pdo": "pod", "pdos": "pods", "pcv": "pvc", "statefullset": "statefulset", "sevrice": "service",
		"ingres": "ingress", "jobb": "job", "namesapce": "namespace", "daemonsett": "daemonset",
		// Three letters are wrong, or the word is too short to tell.
		"sekkrrt": "", "zecrxtz": "", "xx": "", "": "", "cn": "", "foo": "", "vm": "",
		// Kinds that are not misspelt, only not built in.
		"externalsecret": "", "kustomization": "", "helmrelease": "", "certificate": "", "issuer": "", "gateway": "", "route": "",
		"httproute": "", "postgrescluster": "", "bucket": "", "cluster": "", "application": "", "widget": "",
	} {
		if got := kinds.Near(typo); got != want {
			t.Errorf("%q is near %q, want %q", typo, got, want)
		}
	}
}
