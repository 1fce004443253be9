//go:build root

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/talos"
)

// setLabel is on each object of one inline manifest.
const setLabel = "seed.tazlab.net/set"

// testAsTalos does to a cluster that was born what Talos and its users do to it. Each part builds on the one before, and after
// each seed has neither rights nor credentials, and Flux's objects are as they were.
func testAsTalos(t *testing.T, w *world, tree string) {
	t.Helper()
	for _, part := range []struct {
		name string
		do   func(*testing.T, *world, string)
	}{
		{"the birth", func(*testing.T, *world, string) {}},
		{"a reboot", func(t *testing.T, w *world, _ string) { t.Helper(); reboot(t, w) }},
		{"an aborted pass loses the inventory", func(t *testing.T, w *world, _ string) { t.Helper(); loseInventory(t, w) }},
		{"upgrade-k8s", upgrade},
		{"a changed machine config", change},
		{"upgrade-k8s with a changed machine config", changeAndUpgrade},
		{"seed is removed from the machine config", func(t *testing.T, w *world, _ string) { t.Helper(); removeSeed(t, w) }},
	} {
		ok := t.Run(part.name, func(t *testing.T) {
			before := w.fluxVersions(t)
			part.do(t, w, tree)
			for name, version := range w.fluxVersions(t) {
				if before[name] != version {
					t.Errorf("%s is another than before: %s, then %s", name, before[name], version)
				}
			}
			for _, name := range []string{fluxSystem, "flux", "infrastructure-configs", "apps-static"} {
				if ready, message := w.ready(t, name); !ready {
					t.Errorf("Kustomization %s: %s", name, message)
				}
			}
			w.isPowerless(t)
		})
		if !ok {
			return
		}
	}
}

// fluxVersions are the versions of Flux's objects. Without the requests to reconcile: after a reboot units wait for each
// other again, and if Talos runs seed then, it nudges them.
func (w *world) fluxVersions(t *testing.T) map[string]string {
	t.Helper()
	versions := w.versions(t)
	for name := range versions {
		if strings.Contains(name, " "+life.SeedNamespace+"/") || strings.HasPrefix(name, requestTo) {
			delete(versions, name)
		}
	}
	return versions
}

// isPowerless: seed's bindings have no subjects, what it carried is empty, and the API server says that it may do nothing.
func (w *world) isPowerless(t *testing.T) {
	t.Helper()
	selector := metav1.ListOptions{LabelSelector: setLabel}
	bindings, err := w.core.RbacV1().ClusterRoleBindings().List(t.Context(), selector)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bindings.Items {
		if len(b.Subjects) > 0 {
			t.Errorf("ClusterRoleBinding %s has subjects: %v", b.Name, b.Subjects)
		}
	}
	secrets, err := w.core.CoreV1().Secrets(life.SeedNamespace).List(t.Context(), selector)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets.Items {
		if len(s.Data) > 0 {
			t.Errorf("Secret %s has %d keys", s.Name, len(s.Data))
		}
	}
	_, err = w.core.CoreV1().ServiceAccounts(life.SeedNamespace).Get(t.Context(), "seed", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return // there is nobody who could have rights
	}
	seed := w.asSeed(t)
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: fluxSystem, Verb: "get", Resource: "secrets", Name: fluxSystem},
	}}
	answer, err := seed.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil || answer.Status.Allowed {
		t.Errorf("%v: seed may read Flux's credential: %+v", err, answer)
	}
	report, err := seed.CoreV1().ConfigMaps(life.SeedNamespace).Get(t.Context(), life.SeedReport, metav1.GetOptions{})
	if err != nil || !strings.Contains(report.Data["report.json"], `"ended"`) {
		t.Errorf("seed reads its record: %v", err)
	}
}

// asSeed is a client with a token of seed's ServiceAccount.
func (w *world) asSeed(t *testing.T) kubernetes.Interface {
	t.Helper()
	token, err := w.core.CoreV1().ServiceAccounts(life.SeedNamespace).CreateToken(t.Context(), "seed", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := w.Config()
	if err != nil {
		t.Fatal(err)
	}
	config = rest.AnonymousClientConfig(config)
	config.BearerToken = token.Status.Token
	return kubernetes.NewForConfigOrDie(config)
}

// reboot restarts the machine; nothing that is there is made again. What the units' conditions say at first is from before:
// Flux's controllers begin to work when the leases of those that the machine took down have run out, after 35 s.
func reboot(t *testing.T, w *world) {
	t.Helper()
	name := w.job(t)
	if err := w.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := map[string]string{}
	source := w.request(t, gitRepositories, fluxSystem)
	for _, unit := range append([]string{fluxSystem, "flux"}, units...) {
		asked[unit] = w.request(t, kustomizations, unit)
	}
	w.await(t, gitRepositories, fluxSystem, "the source to be Ready after the reboot", isReadySince(source))
	for unit, handled := range asked {
		w.await(t, kustomizations, unit, "the unit to be Ready after the reboot", isReadySince(handled))
	}
	if again := w.job(t); again != name {
		t.Errorf("after the reboot the Job is %s, before it was %s", again, name)
	}
}

// isReadySince: the object is Ready, and Flux has said so after it was asked (request).
func isReadySince(handled string) func(map[string]any) bool {
	return func(object map[string]any) bool {
		last, _ := field(object, "status", "lastHandledReconcileAt")
		return last == handled && isReady(object)
	}
}

func isReady(object map[string]any) bool {
	conditions, _, _ := unstructured.NestedSlice(object, "status", "conditions")
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["type"] == "Ready" {
			return condition["status"] == "True"
		}
	}
	return false
}

// loseInventory lets a pass of Talos end in the middle: it writes an empty inventory and, in the next pass, makes again what its
// time to live has removed, the Job.
func loseInventory(t *testing.T, w *world) {
	t.Helper()
	w.deleteJob(t)
	config, err := w.MachineConfig()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	applied := make(chan error, 1)
	go func() { applied <- w.Apply(ctx, with(t, config, "before", homeless)) }()
	selector := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", talos.InventoryName).String()}
	w.until(t, corev1.SchemeGroupVersion.WithResource("configmaps"), metav1.NamespaceSystem, selector, "an empty inventory", func(o *unstructured.Unstructured) bool {
		data, _, _ := unstructured.NestedMap(o.Object, "data")
		return len(data) == 0
	})
	home := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "home"}}
	if _, err := w.core.CoreV1().Namespaces().Create(ctx, home, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := <-applied; err != nil {
		t.Fatal(err)
	}
	if err := w.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	if state := w.seedContainer(t); !strings.Contains(state.Message, "the birth has ended at ") {
		t.Errorf("termination message %q", state.Message)
	}
}

// homeless is an object whose namespace is not there, at which Talos ends its pass.
const homeless = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: homeless, namespace: home}\n"

// with is a machine config with one more inline manifest, before the others.
func with(t *testing.T, config []byte, name, contents string) []byte {
	t.Helper()
	var patch struct {
		Cluster struct {
			InlineManifests []map[string]string `json:"inlineManifests"`
		} `json:"cluster"`
	}
	if err := yaml.UnmarshalStrict(config, &patch); err != nil {
		t.Fatal(err)
	}
	manifests := &patch.Cluster.InlineManifests
	*manifests = append([]map[string]string{{"name": name, "contents": contents}}, *manifests...)
	out, err := yaml.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// upgrade syncs what the machine config says: rights, credentials and the Job, which its time to live has removed, come back.
func upgrade(t *testing.T, w *world, _ string) {
	t.Helper()
	w.deleteJob(t)
	if err := w.UpgradeK8s(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	if err := w.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	if state := w.seedContainer(t); !strings.Contains(state.Message, "Flux reconciles the tree already") {
		t.Errorf("termination message %q", state.Message)
	}
}

// change makes another machine config, which is another set: it comes beside the old one, and removes it.
func change(t *testing.T, w *world, tree string) {
	t.Helper()
	old := w.job(t)
	config := w.changed(t, tree)
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	w.applyAndFollow(ctx, t, config, w.Follow)
	w.isAlone(t, old)
}

// changeAndUpgrade is the same with talosctl upgrade-k8s, which prunes the old set.
func changeAndUpgrade(t *testing.T, w *world, tree string) {
	t.Helper()
	old := w.job(t)
	config := w.changed(t, tree)
	if err := w.SetMachineConfig(config); err != nil {
		t.Fatal(err)
	}
	if err := w.UpgradeK8s(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	if err := w.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	w.isAlone(t, old)
}

// changed is a machine config that differs from all before in a setting that does no harm.
func (w *world) changed(t *testing.T, tree string) []byte {
	t.Helper()
	setting, err := w.Harmless()
	if err != nil {
		t.Fatal(err)
	}
	config, err := w.ManifestWithIdentity(t.Context(), tree, setting...)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// isAlone: there is one set, and it is another than the one of the Job old.
func (w *world) isAlone(t *testing.T, old string) {
	t.Helper()
	selector := metav1.ListOptions{LabelSelector: setLabel}
	now := w.job(t)
	if now == old {
		t.Errorf("the set is still that of Job %s", old)
	}
	jobs, err := w.core.BatchV1().Jobs(life.SeedNamespace).List(t.Context(), selector)
	if err != nil || len(jobs.Items) != 1 {
		t.Errorf("%v: %d Jobs", err, len(jobs.Items))
	}
	maps, err := w.core.CoreV1().ConfigMaps(life.SeedNamespace).List(t.Context(), selector)
	if err != nil || len(maps.Items) != 1 {
		t.Errorf("%v: %d ConfigMaps", err, len(maps.Items))
	}
	secrets, err := w.core.CoreV1().Secrets(life.SeedNamespace).List(t.Context(), selector)
	if err != nil || len(secrets.Items) != 1 {
		t.Errorf("%v: %d Secrets", err, len(secrets.Items))
	}
	bindings, err := w.core.RbacV1().ClusterRoleBindings().List(t.Context(), selector)
	if err != nil || len(bindings.Items) != 1 {
		t.Errorf("%v: %d ClusterRoleBindings", err, len(bindings.Items))
	}
}

// removeSeed takes seed out of the machine config. upgrade-k8s then prunes its namespace and all in it, and nothing of Flux's.
func removeSeed(t *testing.T, w *world) {
	t.Helper()
	if err := w.SetMachineConfig([]byte("cluster: {inlineManifests: []}\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.UpgradeK8s(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.untilGone(t, corev1.SchemeGroupVersion.WithResource("namespaces"), "", life.SeedNamespace)
	// External Secrets Operator can still log in.
	old, err := w.dynamic.Resource(externalSecrets).Namespace(fluxSystem).Get(t.Context(), fluxSystem, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	was, _ := field(old.Object, "status", "refreshTime")
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"force-sync":%q}}}`, time.Now().Format(time.RFC3339Nano))
	if _, err := w.dynamic.Resource(externalSecrets).Namespace(fluxSystem).Patch(t.Context(), fluxSystem, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.await(t, externalSecrets, fluxSystem, "a new refresh", func(object map[string]any) bool {
		now, _ := field(object, "status", "refreshTime")
		return now != was && isReady(object)
	})
}
