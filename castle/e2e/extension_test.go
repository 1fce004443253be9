//go:build root

package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tazlab/seed/castle/internal/gitserver"
	"github.com/tazlab/seed/castle/internal/life"
)

var policies = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}

const followRelease = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: seed-follow, namespace: flux-system}
spec:
  interval: 1h
  chart: {spec: {chart: ./charts/seed-follow, sourceRef: {kind: GitRepository, name: flux-system}}}
  values: {image: {tag: %s}}
`

const link = `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: link-%[1]d, namespace: flux-system}
spec: {interval: 1h, path: ./apps/links/%[1]d, prune: true, wait: true, sourceRef: {kind: GitRepository, name: flux-system}, dependsOn: [%[2]s]}
`

// testExtension brings charts/seed-follow as users do, by Git, and then a change that has units wait for each other.
func testExtension(t *testing.T, w *world) {
	const file = "clusters/castle/kustomization.yaml"
	before := read(t, filepath.Join("../..", file))
	added := func(name string) string {
		after := strings.Replace(before, "  - eso-crds.yaml\n", "  - eso-crds.yaml\n  - "+name+"\n", 1)
		if after == before {
			t.Fatal("the file has no resource to stand behind")
		}
		before = after
		return after
	}
	commit := func(what string, files map[string]string) {
		contents := map[string][]byte{}
		for name, content := range files {
			contents[name] = []byte(content)
		}
		if _, err := gitserver.Commit(t.Context(), w.Services().GitDir(), "main", what, contents); err != nil {
			t.Fatal(err)
		}
		w.request(t, gitRepositories, "flux-system")
	}
	commit("Follow every change", map[string]string{
		file: added("follow.yaml"), "clusters/castle/follow.yaml": fmt.Sprintf(followRelease, life.Version),
	})
	w.await(t, helmReleases, "seed-follow", "the release", isReady)
	w.until(t, policies, "", metav1.ListOptions{FieldSelector: "metadata.name=seed-follow"}, "the check of the policy's types", func(policy *unstructured.Unstructured) bool {
		_, checked := field(policy.Object, "status", "typeChecking")
		if warnings, found := field(policy.Object, "status", "typeChecking", "expressionWarnings"); found {
			t.Errorf("the policy: %v", warnings)
		}
		return checked
	})

	files, chain := map[string]string{}, ""
	for i := range 5 {
		needs := ""
		if i > 0 {
			needs = fmt.Sprintf("{name: link-%d}", i-1)
		}
		chain += fmt.Sprintf(link, i, needs)
		files[fmt.Sprintf("apps/links/%d/map.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: link-%d, namespace: default}\n", i)
	}
	files[file], files["clusters/castle/links.yaml"] = added("links.yaml"), chain
	commit("A chain", files)
	w.await(t, kustomizations, "link-4", "the end of the chain", isReady)
	asked := 0
	for i := range 5 {
		object, err := w.dynamic.Resource(kustomizations).Namespace(fluxSystem).Get(t.Context(), fmt.Sprintf("link-%d", i), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if object.GetAnnotations()[requestedAt] != "" {
			asked++
		}
	}
	// The tree has --requeue-dependency: one or the other unit may have looked by itself.
	if asked == 0 || asked > 4 || !strings.Contains(w.followLog(t), "dependency ready") {
		t.Errorf("%d of five units were asked; the log:\n%s", asked, w.followLog(t))
	}
}

// followLog is what the Deployment's Pod said.
func (w *world) followLog(t *testing.T) string {
	t.Helper()
	pods, err := w.core.CoreV1().Pods(fluxSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=seed-follow"})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("%v, %d Pods of seed-follow", err, len(pods.Items))
	}
	log, err := w.core.CoreV1().Pods(fluxSystem).GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}
