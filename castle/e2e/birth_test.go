//go:build root

package e2e_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/castle/internal/gitserver"
	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/talos"
	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

// units are those of the tree, beside Flux and the root.
var units = []string{
	"infrastructure-operators-namespaces", "infrastructure-operators-core", "infrastructure-operators-data",
	"infrastructure-operators-eso-crds", "infrastructure-operators-eso", "infrastructure-networking", "infrastructure-storage",
	"infrastructure-configs", "infrastructure-configs-issuers", "infrastructure-configs-networks", "infrastructure-instances",
	"apps-static", "apps-data",
}

// The whole story on one node; each part builds on the one before.
func TestBirth(t *testing.T) {
	w := newWorld(t, talos.CreateMissing)
	w.birth(t, "../..")
	for _, part := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"every unit is Ready and in the timeline", testTimeline},
		{"the blog answers from the host", testBlog},
		{"the vault saw one login of seed", testVault},
		{"Flux found its work done", func(t *testing.T, w *world) { t.Helper(); testOwnership(t, w, 40) }},
		{"no credential was written anywhere", testNoSecret},
		{"the database's Secrets start the apps", testApps},
		{"a second run does nothing", testSecondRun},
		{"a field removed in Git disappears", testFieldDisappears},
		{"an invalid bundle ends the Job", testInvalidBundle},
		{"seed follow in the cluster asks for a later change", testExtension},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, w) }) {
			return
		}
	}
}

func testTimeline(t *testing.T, w *world) {
	table, err := w.Timeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"machine start", "API server ready", "claim Secret flux-system/infisical-identity", "claim Secret flux-system/flux-system", "fetch GitRepository flux-system", "build the tree",
		"fetch OCIRepository flux-manifests", "apply Kustomization flux", "apply the root sync", "follow",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the timeline lacks %q:\n%s", want, table)
		}
	}
	for _, name := range append([]string{"flux-system", "flux"}, units...) {
		if !strings.Contains(table, "flux-system/"+name+" ") {
			t.Errorf("the timeline lacks %s:\n%s", name, table)
		}
		if ready, message := w.ready(t, name); !ready {
			t.Errorf("Kustomization %s is not Ready: %s", name, message)
		}
	}
}

func testBlog(t *testing.T, w *world) {
	if err := w.AwaitBlog(t.Context()); err != nil {
		t.Error(err)
	}
}

// vaultLog is what seed asked the vault stand-in for; External Secrets Operator asks too, later.
func (w *world) vaultLog(t *testing.T) []vaultstandin.Entry {
	t.Helper()
	file, err := os.Open(node.Logs(w.NodeDir(), "vault-access"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	entries, err := vaultstandin.ReadLog(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(entries, func(e vaultstandin.Entry) bool { return e.UserAgent != "seed" })
}

// testVault holds what seed asked the vault for against its claims: it logs in once, with a token of its own.
func testVault(t *testing.T, w *world) {
	want := map[string]int{"jwt-auth/login": 1, "ESO_CLIENT_ID": 1, "ESO_CLIENT_SECRET": 1, "GITHUB_TOKEN": 1, "PRIVATE_CA": 2, "token/revoke": 1}
	testVaultSaw(t, w, want)
}

func testVaultSaw(t *testing.T, w *world, want map[string]int) {
	t.Helper()
	counts := map[string]int{}
	for _, e := range w.vaultLog(t) {
		switch {
		case e.Status != 200:
			t.Errorf("the vault refused: %+v", e)
		case strings.HasPrefix(e.Path, "/api/v1/auth/"):
			counts[strings.TrimPrefix(e.Path, "/api/v1/auth/")]++
		default:
			counts[e.Secret]++
		}
	}
	for key, n := range want {
		if counts[key] != n {
			t.Errorf("%s: %d times, want %d (all: %v)", key, counts[key], n, counts)
		}
	}
	if len(counts) != len(want) {
		t.Errorf("the vault was asked for more than it should: %v", counts)
	}
}

// testSecondRun lets Talos (up to 1.12) create the deleted Job again, as it does at every boot.
func testSecondRun(t *testing.T, w *world) {
	before, asked := w.versions(t), len(w.vaultLog(t))
	w.deleteJob(t)
	w.plant(t, "../..")
	for name, version := range w.versions(t) {
		if before[name] != version {
			t.Errorf("%s was written by the second run", name)
		}
	}
	if n := len(w.vaultLog(t)) - asked; n != 0 {
		t.Errorf("the second run asked the vault %d times", n)
	}
	state := w.seedContainer(t)
	t.Logf("second run: %s", state.FinishedAt.Sub(state.StartedAt.Time))
	if !strings.Contains(state.Message, "the birth has ended at ") {
		t.Errorf("termination message %q", state.Message)
	}
}

// testFieldDisappears drops a field of an object that seed applied from Git.
func testFieldDisappears(t *testing.T, w *world) {
	const file = "clusters/base/flux.yaml"
	content, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), "  retryInterval: 10s\n", "", 1)
	if changed == string(content) {
		t.Fatal("the file has no field to drop")
	}
	if _, err := gitserver.Commit(t.Context(), w.Services().GitDir(), "main", "Drop a field", map[string][]byte{file: []byte(changed)}); err != nil {
		t.Fatal(err)
	}
	w.request(t, gitRepositories, "flux-system")
	w.await(t, kustomizations, "flux", "spec.retryInterval to disappear", func(object map[string]any) bool {
		_, found := field(object, "spec", "retryInterval")
		return !found
	})
}

// testInvalidBundle breaks the bundle in the cluster and runs seed again.
func testInvalidBundle(t *testing.T, w *world) {
	maps := w.core.CoreV1().ConfigMaps(life.SeedNamespace)
	config, err := maps.Get(t.Context(), w.job(t), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config.Data["bundle.yaml"] = strings.Replace(config.Data["bundle.yaml"], "prune:", "prun:", 1)
	if _, err := maps.Update(t.Context(), config, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	before := w.versions(t)
	w.deleteJob(t)
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	manifest, err := w.Manifest(ctx, "../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Apply(ctx, manifest); err != nil { // creates the missing Job, leaves the broken ConfigMap
		t.Fatal(err)
	}
	if err := w.Follow(ctx); !errors.Is(err, life.ErrJobFailed) {
		t.Errorf("Follow: %v, want the Job failed for good", err)
	}
	state := w.seedContainer(t)
	if state.ExitCode != 3 || !strings.Contains(state.Message, "Kustomization flux-system/flux-system") || !strings.Contains(state.Message, "spec.prun") {
		t.Errorf("exit %d, message %q; want exit 3 naming object and field", state.ExitCode, state.Message)
	}
	for name, version := range w.versions(t) {
		if before[name] != version {
			t.Errorf("%s was written with an invalid bundle", name)
		}
	}
	events, err := w.core.CoreV1().Events(life.SeedNamespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=InvalidBundle"})
	if err != nil || len(events.Items) != 1 || !strings.Contains(events.Items[0].Message, "spec.prun") {
		t.Errorf("%d Events InvalidBundle, %v; want one that names the field", len(events.Items), err)
	}
}

// seedContainer is how seed's last container ended.
func (w *world) seedContainer(t *testing.T) *corev1.ContainerStateTerminated {
	t.Helper()
	pods, err := w.core.CoreV1().Pods(life.SeedNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: "job-name=" + w.job(t)})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("seed's Pods: %d, %v; want one", len(pods.Items), err)
	}
	state := pods.Items[0].Status.ContainerStatuses[0].State.Terminated
	if state == nil {
		t.Fatal("seed's container has not ended")
	}
	return state
}
