//go:build apiserver

package api_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/cluster"
)

// A release whose kind is not served yet, and one that waits for it, stand in the moment when they can. The real
// helm-controller, which would look again after an hour, leaves both as the rules expect it.
func TestNudgeReleases(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	const ns = "nudge-release"
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), fluxObjects(t)); err != nil {
		t.Fatal(err)
	}
	root := kustomization("root")
	root.Namespace = ns
	for _, o := range []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, root} {
		if err := live.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	root.Status.Inventory = &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{{ID: ns + "_a_helm.toolkit.fluxcd.io_HelmRelease", Version: "v2"}}}
	if err := live.Status().Update(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	startFlux(t, "helm-controller", ns, "--requeue-dependency=1h", "--min-retry-delay=1h", "--max-retry-delay=1h")
	a := chartRelease(t, live, ns, "a", "apiVersion: release.example.com/v1\nkind: Gadget\nmetadata: {name: g}\n")
	b := chartRelease(t, live, ns, "b", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n", "a")
	untilRelease(t, live, a, helmv2.InstallFailedReason)
	untilRelease(t, live, b, meta.DependencyNotReadyReason)

	ended := startNudging(t, live, root)
	definition := fromYAML(t, strings.NewReplacer("nudge.example.com", "release.example.com", "widget", "gadget", "Widget", "Gadget").Replace(widgets))
	if err := live.Create(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = live.Delete(context.WithoutCancel(t.Context()), definition) })
	untilRelease(t, live, b, helmv2.InstallSucceededReason)
	if told := ended(2); len(told) != 2 || told["HelmRelease: CRD established"] != 1 || told["HelmRelease: dependency ready"] != 1 {
		t.Errorf("told %v", told)
	}
}

// chartRelease makes a release of a chart with one template, which a loopback server serves. Its finalizer is there: the
// controller would add it and look again after its back-off.
func chartRelease(t *testing.T, live cluster.Client, namespace, name, template string, dependsOn ...string) *helmv2.HelmRelease {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, name, "Chart.yaml"), "apiVersion: v2\nname: "+name+"\nversion: 1.0.0\n")
	write(t, filepath.Join(dir, name, "templates", "object.yaml"), template)
	data := archive(t, dir)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
	t.Cleanup(server.Close)
	chart := &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	chart.Spec.URL, chart.Spec.Interval = "oci://registry.example.com/"+name, metav1.Duration{Duration: time.Hour}
	if err := live.Create(t.Context(), chart); err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	chart.Status.ObservedGeneration = chart.Generation
	chart.Status.Artifact = &meta.Artifact{URL: server.URL + "/chart.tgz", Path: "chart.tgz", Revision: "1.0.0@" + digest, Digest: digest, LastUpdateTime: metav1.Now()}
	if err := live.Status().Update(t.Context(), chart); err != nil {
		t.Fatal(err)
	}
	release := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, Finalizers: []string{helmv2.HelmReleaseFinalizer},
		Labels: map[string]string{compared: namespace, kustomizev1.GroupVersion.Group + "/name": "root", kustomizev1.GroupVersion.Group + "/namespace": namespace},
	}}
	release.Spec.Interval = metav1.Duration{Duration: time.Hour}
	release.Spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: "OCIRepository", Name: name}
	for _, other := range dependsOn {
		release.Spec.DependsOn = append(release.Spec.DependsOn, helmv2.DependencyReference{Name: other})
	}
	if err := live.Create(t.Context(), release); err != nil {
		t.Fatal(err)
	}
	return release
}

// untilRelease waits until the release's Ready condition has reason.
func untilRelease(t *testing.T, live cluster.Client, release *helmv2.HelmRelease, reason string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watched, err := live.Watch(ctx, &helmv2.HelmReleaseList{}, client.InNamespace(release.Namespace), client.MatchingFields{"metadata.name": release.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Stop()
	var last any
	for event := range watched.ResultChan() {
		seen, ok := event.Object.(*helmv2.HelmRelease)
		if !ok {
			continue
		}
		last = seen.Status.Conditions
		if ready := apimeta.FindStatusCondition(seen.Status.Conditions, meta.ReadyCondition); ready != nil && ready.Reason == reason {
			return
		}
	}
	t.Fatalf("%s has not the reason %s: %+v", release.Name, reason, last)
}
