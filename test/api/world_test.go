//go:build apiserver

package api_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

// world is a tree in an OCI registry whose certificate the Secret "registry" vouches for, and a birth of it in
// the namespace NS, which takes NS and ADDRESS in the tree's files.
type world struct {
	*birth.Birth
	live cluster.Client
	ns   string
	tls  *httptest.Server

	mu     sync.Mutex
	events []string
}

const rootSync = `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: root, namespace: NS}
spec: {interval: 1m, url: "oci://ADDRESS/tree", certSecretRef: {name: registry-NS}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: NS}
spec: {interval: 10m, path: ./cluster, prune: true, sourceRef: {kind: OCIRepository, name: root}}
`

// newWorld serves files, paths to contents, as the tree; the root sync is added.
func newWorld(t *testing.T, ns string, files map[string]string) *world {
	t.Helper()
	w := newWorldAt(t, admin, ns, files)
	if _, err := apply.New(w.live).Apply(t.Context(), kustomization("flux"), definitions(t)); err != nil {
		t.Fatal(err)
	}
	return w
}

// newWorldAt leaves the cluster without Flux' definitions.
func newWorldAt(t *testing.T, config *rest.Config, ns string, files map[string]string) *world {
	t.Helper()
	w := &world{live: newClient(t, config), ns: ns}
	w.tls = httptest.NewTLSServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(w.tls.Close)
	if files["cluster/sync.yaml"] == "" {
		files["cluster/sync.yaml"] = rootSync
	}
	w.push(t, files)
	b, err := bundle.Parse([]byte(w.spell(files["cluster/sync.yaml"])))
	if err != nil {
		t.Fatal(err)
	}
	w.Birth = &birth.Birth{
		Bundle: b, Cluster: w.live, Vault: claim.HTTPClient(nil), WorkDir: t.TempDir(),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Report: &report.Report{},
		Event: func(_ context.Context, reason, message string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, reason+": "+message)
		},
	}
	for _, name := range []string{ns, set.Namespace} {
		err := w.live.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	return w
}

// definitions are Flux' CRDs.
func definitions(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	return slices.DeleteFunc(fluxObjects(t), func(o *unstructured.Unstructured) bool { return o.GetKind() != "CustomResourceDefinition" })
}

func (w *world) spell(text string) string {
	return strings.NewReplacer("NS", w.ns, "ADDRESS", strings.TrimPrefix(w.tls.URL, "https://")).Replace(text)
}

// push makes files the newest artifact.
func (w *world) push(t *testing.T, files map[string]string) {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		content := w.spell(files[file])
		err := archive.WriteHeader(&tar.Header{Name: file, Mode: 0o600, Size: int64(len(content))})
		if _, writeErr := io.WriteString(archive, content); err != nil || writeErr != nil {
			t.Fatal(err, writeErr)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	layer := static.NewLayer(packed.Bytes(), "application/vnd.cncf.flux.content.v1.tar+gzip")
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(strings.TrimPrefix(w.tls.URL, "https://") + "/tree:latest")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image, remote.WithTransport(w.tls.Client().Transport), remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// identity is the Secret that the inline manifest would carry.
func (w *world) identity() *corev1.Secret {
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.tls.Certificate().Raw})
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: "registry-" + w.ns},
		Data:       map[string][]byte{"ca.crt": certificate},
	}
}

func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// plant expects Plant to end well.
func (w *world) plant(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if planted, err := w.Plant(ctx); err != nil || !planted {
		t.Fatalf("Plant = %v, %v; Events %q", planted, err, w.told())
	}
}

// there reads one ConfigMap of the tree; nil if it is not there.
func (w *world) there(t *testing.T, name string) *corev1.ConfigMap {
	t.Helper()
	var m corev1.ConfigMap
	err := w.live.Get(t.Context(), apitypes.NamespacedName{Namespace: w.ns, Name: name}, &m)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

func configMap(name, more string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: NS" + more + "}\ndata: {a: b}\n"
}

// planted is a unit from the root's source, which seed plants.
func planted(name, more string) string {
	return `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: ` + name + `, namespace: NS, annotations: {seed.tazlab.net/plant: "true"}}
spec: {interval: 10m, path: ./` + name + `, prune: false, sourceRef: {kind: OCIRepository, name: root}` + more + "}\n"
}

const partOfFlux = ", labels: {app.kubernetes.io/part-of: flux}"
