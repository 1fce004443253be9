package artifacts_test

import (
	"bytes"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/oci"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/artifacts"
	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/registry"
)

// object is what the tests look at in a manifest.
type object struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Spec struct {
		Template struct {
			Spec struct {
				ServiceAccountName, PriorityClassName string
				NodeSelector                          map[string]string
				Containers                            []struct {
					Image string
					Args  []string
				}
			}
		}
		Versions []struct {
			Name   string
			Served bool
		}
		Conversion map[string]any
	}
}

func objects(t *testing.T, file string) map[string]object {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]object{}
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		var o object
		if err := yaml.Unmarshal(document, &o); err != nil {
			t.Fatal(err)
		}
		found[o.Kind+"/"+o.Metadata.Name] = o
	}
	return found
}

func TestFluxManifestsAreThoseOfAnInstall(t *testing.T) {
	artifact, err := artifacts.FluxManifests(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	found := objects(t, filepath.Join(artifact.Dir, "gotk-components.yaml"))
	events := "--events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.cluster.local./"
	common := []string{"--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json", "--enable-leader-election"}
	for _, c := range []struct {
		name, image, priority string
		args                  []string
	}{
		{"source-controller", images.SourceController.Name, "system-cluster-critical", slices.Concat([]string{events}, common,
			[]string{"--storage-path=/data", "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local."})},
		{"kustomize-controller", images.KustomizeController.Name, "system-cluster-critical", slices.Concat([]string{events}, common)},
		{"helm-controller", images.HelmController.Name, "system-cluster-critical", slices.Concat([]string{events}, common)},
		{"notification-controller", images.NotificationController.Name, "", common},
	} {
		d, ok := found["Deployment/"+c.name]
		if !ok {
			t.Errorf("no Deployment %s", c.name)
			continue
		}
		pod := d.Spec.Template.Spec
		if pod.Containers[0].Image != c.image || !slices.Equal(pod.Containers[0].Args, c.args) {
			t.Errorf("%s runs %s with %q", c.name, pod.Containers[0].Image, pod.Containers[0].Args)
		}
		if pod.ServiceAccountName != c.name || pod.PriorityClassName != c.priority || pod.NodeSelector["kubernetes.io/os"] != "linux" {
			t.Errorf("%s: %+v", c.name, pod)
		}
	}
	for _, want := range fluxObjects {
		if _, ok := found[want]; !ok {
			t.Errorf("no %s", want)
		}
	}
	if len(found) != len(fluxObjects)+4 {
		t.Errorf("%d objects, want %d", len(found), len(fluxObjects)+4)
	}
	for id, o := range found {
		labels := o.Metadata.Labels
		if labels["app.kubernetes.io/part-of"] != "flux" || labels["app.kubernetes.io/instance"] != "flux-system" ||
			labels["app.kubernetes.io/version"] != "v2.9.5" {
			t.Errorf("%s has labels %v", id, labels)
		}
	}
	if found["Namespace/flux-system"].Metadata.Labels["pod-security.kubernetes.io/warn"] != "restricted" {
		t.Error("the Namespace lacks its Pod Security label")
	}
}

// fluxObjects is everything but the four Deployments.
var fluxObjects = []string{
	"Namespace/flux-system", "ResourceQuota/critical-pods-flux-system",
	"NetworkPolicy/allow-egress", "NetworkPolicy/allow-scraping", "NetworkPolicy/allow-webhooks",
	"ClusterRole/crd-controller-flux-system", "ClusterRole/flux-edit-flux-system", "ClusterRole/flux-view-flux-system",
	"ClusterRoleBinding/cluster-reconciler-flux-system", "ClusterRoleBinding/crd-controller-flux-system",
	"ServiceAccount/source-controller", "ServiceAccount/kustomize-controller", "ServiceAccount/helm-controller",
	"ServiceAccount/notification-controller",
	"Service/source-controller", "Service/notification-controller", "Service/webhook-receiver",
	"CustomResourceDefinition/buckets.source.toolkit.fluxcd.io", "CustomResourceDefinition/externalartifacts.source.toolkit.fluxcd.io",
	"CustomResourceDefinition/gitrepositories.source.toolkit.fluxcd.io", "CustomResourceDefinition/helmcharts.source.toolkit.fluxcd.io",
	"CustomResourceDefinition/helmrepositories.source.toolkit.fluxcd.io", "CustomResourceDefinition/ocirepositories.source.toolkit.fluxcd.io",
	"CustomResourceDefinition/kustomizations.kustomize.toolkit.fluxcd.io", "CustomResourceDefinition/helmreleases.helm.toolkit.fluxcd.io",
	"CustomResourceDefinition/alerts.notification.toolkit.fluxcd.io", "CustomResourceDefinition/providers.notification.toolkit.fluxcd.io",
	"CustomResourceDefinition/receivers.notification.toolkit.fluxcd.io",
}

func TestESOCRDsNeedNoWebhook(t *testing.T) {
	artifact, err := artifacts.ESOCRDs(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	found := objects(t, filepath.Join(artifact.Dir, "bundle.yaml"))
	if len(found) != 23 {
		t.Errorf("%d CRDs, want 23", len(found))
	}
	for _, name := range []string{"clustersecretstores", "secretstores", "externalsecrets"} {
		crd, ok := found["CustomResourceDefinition/"+name+".external-secrets.io"]
		if !ok || crd.Spec.Conversion != nil {
			t.Errorf("%s: found %v, conversion %v", name, ok, crd.Spec.Conversion)
		}
		for _, version := range crd.Spec.Versions {
			if version.Served != (version.Name == "v1") {
				t.Errorf("%s %s: served %v", name, version.Name, version.Served)
			}
		}
	}
}

func TestSecondStartReadsTheCache(t *testing.T) {
	cache := t.TempDir()
	first, err := artifacts.ESOCRDs(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // the go command, which making anew needs, is not found
	second, err := artifacts.ESOCRDs(t.Context(), cache)
	if err != nil || second != first {
		t.Errorf("%v, %v; want %v", second, err, first)
	}
	if _, err := artifacts.ESOCRDs(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty cache needs no go command")
	}
}

func TestPushedArtifactIsPulledByFlux(t *testing.T) {
	handler, err := registry.New(t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	artifact := artifacts.Artifact{Dir: t.TempDir(), Source: "https://example.com/source", Revision: "v1"}
	if err := os.WriteFile(filepath.Join(artifact.Dir, "bundle.yaml"), []byte("kind: Test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ref := server.Listener.Addr().String() + "/fluxcd/flux-manifests:v2.9.5"
	transport := server.Client().Transport

	digest, err := artifacts.Push(t.Context(), artifact, "oci://"+ref, transport)
	if err != nil {
		t.Fatal(err)
	}
	again, err := artifacts.Push(t.Context(), artifact, "oci://"+ref, transport)
	if err != nil || again != digest {
		t.Errorf("second push: %s, %v; want %s", again, err, digest)
	}

	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(tag, remote.WithContext(t.Context()), remote.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"config media type": {string(manifest.Config.MediaType), "application/vnd.cncf.flux.config.v1+json"},
		"layer media type":  {string(manifest.Layers[0].MediaType), "application/vnd.cncf.flux.content.v1.tar+gzip"},
		"revision":          {manifest.Annotations["org.opencontainers.image.revision"], "v1"},
		"source":            {manifest.Annotations["org.opencontainers.image.source"], "https://example.com/source"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}

	pulled := t.TempDir()
	meta, err := oci.NewClient([]crane.Option{crane.WithTransport(transport)}).Pull(t.Context(), ref, pulled)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(meta.Digest, digest) {
		t.Errorf("pulled %s, pushed %s", meta.Digest, digest)
	}
	content, err := os.ReadFile(filepath.Join(pulled, "bundle.yaml"))
	if err != nil || string(content) != "kind: Test\n" {
		t.Errorf("pulled %q, %v", content, err)
	}
}

func TestPushWantsAnOCIURL(t *testing.T) {
	_, err := artifacts.Push(t.Context(), artifacts.Artifact{Dir: t.TempDir()}, "https://example.com/x:v1", nil)
	if err == nil || !strings.Contains(err.Error(), "oci://") {
		t.Errorf("error %v", err)
	}
}
