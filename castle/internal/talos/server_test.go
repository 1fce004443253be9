//go:build apiserver

package talos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/castle/internal/talos"
)

// These tests apply to a real kube-apiserver: KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver. They share its
// inventory, and run one after the other.
var (
	config *rest.Config
	core   kubernetes.Interface
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return 1, errors.New("KUBEBUILDER_ASSETS is not set: it names a folder with etcd and kube-apiserver")
	}
	// A machine at work may need more than the 20 s that envtest gives to each start and stop of etcd and of the API server. After
	// that it begins anew at ports that its first try may still hold.
	const ample = 3 * time.Minute
	server := &envtest.Environment{ControlPlaneStartTimeout: ample, ControlPlaneStopTimeout: ample}
	if config, err = server.Start(); err != nil {
		return 1, fmt.Errorf("start the API server: %w", err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	core = kubernetes.NewForConfigOrDie(config)
	return m.Run(), nil
}

// world is a test's part of the cluster: a namespace, and an inventory that begins anew.
type world struct {
	*testing.T
	namespace string
	*talos.Applier
	inline []talos.Manifest
}

// patience bounds a test.
const patience = time.Minute

func newWorld(t *testing.T, version talos.Version) *world {
	t.Helper()
	name := t.Name()[strings.LastIndex(t.Name(), "/")+1:] // of the subtest, where there are some
	namespace := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "Test")), ".", "-")
	err := core.CoreV1().ConfigMaps(metav1.NamespaceSystem).Delete(t.Context(), talos.InventoryName, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := core.CoreV1().Namespaces().Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	applier, err := talos.New(config, version)
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, namespace: namespace, Applier: applier}
}

// put makes the machine config: one inline manifest of the documents, in which NS is the test's namespace.
func (w *world) put(documents ...string) {
	contents := strings.ReplaceAll(strings.Join(documents, "\n---\n"), "NS", w.namespace)
	w.inline = []talos.Manifest{{Name: "seed", Contents: contents}}
}

// boot applies until all is well.
func (w *world) boot() {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	w.OnError = func(err error) { w.Logf("a pass: %v", err) }
	if err := w.Apply(ctx, w.inline); err != nil {
		w.Fatal(err)
	}
}

// bootOnce is the first pass alone, and returns what went wrong in it.
func (w *world) bootOnce() error {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	var first error
	w.OnError = func(err error) { first = err; cancel() }
	if err := w.Apply(ctx, w.inline); err != nil && first == nil {
		w.Fatal(err)
	}
	return first
}

// upgrade is upgrade-k8s; it returns what it did to which object, sorted.
func (w *world) upgrade(u talos.Upgrade) ([]string, error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	changes, err := w.UpgradeK8s(ctx, w.inline, u)
	var all []string
	for _, change := range changes {
		all = append(all, fmt.Sprintf("%s %s", change.Action, strings.ReplaceAll(change.Subject, w.namespace, "NS")))
	}
	slices.Sort(all)
	return all, err
}

// mustUpgrade is upgrade that goes well, with these changes.
func (w *world) mustUpgrade(u talos.Upgrade, want ...string) {
	w.Helper()
	slices.Sort(want)
	if got, err := w.upgrade(u); err != nil || !slices.Equal(got, want) {
		w.Errorf("upgrade-k8s: got %q (%v), want %q", got, err, want)
	}
}

// inventory returns what is listed, sorted.
func (w *world) inventory() []string {
	w.Helper()
	found, err := core.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(w.Context(), talos.InventoryName, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	var keys []string
	for key := range found.Data {
		keys = append(keys, strings.ReplaceAll(key, w.namespace, "NS"))
	}
	slices.Sort(keys)
	return keys
}

func (w *world) wantInventory(want ...string) {
	w.Helper()
	if got := w.inventory(); !slices.Equal(got, want) {
		w.Errorf("inventory %q, want %q", got, want)
	}
}

// value returns what the test's ConfigMap of that name has under key, and "none" when it is not there.
func (w *world) value(name string) string {
	w.Helper()
	found, err := core.CoreV1().ConfigMaps(w.namespace).Get(w.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "none"
	}
	if err != nil {
		w.Fatal(err)
	}
	return found.Data["key"]
}

func (w *world) want(name, value string) {
	w.Helper()
	if got := w.value(name); got != value {
		w.Errorf("ConfigMap %s has %q, want %q", name, got, value)
	}
}

func (w *world) delete(name string) {
	w.Helper()
	if err := core.CoreV1().ConfigMaps(w.namespace).Delete(w.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
}

// set writes a ConfigMap by another hand.
func (w *world) set(name, value string, annotations map[string]string) {
	w.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}, Data: map[string]string{"key": value}}
	maps := core.CoreV1().ConfigMaps(w.namespace)
	_, err := maps.Create(w.Context(), object, metav1.CreateOptions{FieldManager: "hand"})
	if apierrors.IsAlreadyExists(err) {
		var patch []byte
		if patch, err = json.Marshal(object); err != nil {
			w.Fatal(err)
		}
		_, err = maps.Patch(w.Context(), name, "application/merge-patch+json", patch, metav1.PatchOptions{FieldManager: "hand"})
	}
	if err != nil {
		w.Fatal(err)
	}
}

// data is a ConfigMap in the test's namespace.
func data(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: NS, name: %s}\ndata: {key: %s}", name, value)
}

// writes makes a config whose writes are listed, in their order.
func writes() (*rest.Config, func() []string) {
	var mu sync.Mutex
	var all []string
	watched := rest.CopyConfig(config)
	watched.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if request.Method == http.MethodPatch {
				mu.Lock()
				all = append(all, request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:])
				mu.Unlock()
			}
			return next.RoundTrip(request)
		})
	})
	return watched, func() []string { return all }
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
