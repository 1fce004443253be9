//go:build apiserver

package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/nudge"
	"github.com/tazlab/seed/internal/report"
)

// chain are the files of a tree whose units wait for each other, each for the one before it; the first is suspended.
func chain(t *testing.T, namespace string, units ...string) string {
	t.Helper()
	dir := t.TempDir()
	var all strings.Builder
	for i, name := range units {
		fmt.Fprintf(&all, `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %s, namespace: %s, labels: {%s: %s}}
spec: {interval: 1h, path: ./%s, prune: false, wait: true, sourceRef: {kind: GitRepository, name: source}`, name, namespace, compared, namespace, name)
		if i > 0 {
			fmt.Fprintf(&all, ", dependsOn: [{name: %s}]", units[i-1])
		} else {
			all.WriteString(", suspend: true")
		}
		all.WriteString("}\n")
		write(t, filepath.Join(dir, name, "map.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "+name+", namespace: "+namespace+"}\n")
	}
	write(t, filepath.Join(dir, "cluster", "units.yaml"), all.String())
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// nudged prepares a namespace and its root, which the real controller sees. It never looks again by itself at what waits
// for a dependency, so whatever stands in the end stands because somebody asked.
func nudged(t *testing.T, live cluster.Client, namespace string) *kustomizev1.Kustomization {
	t.Helper()
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), fluxObjects(t)); err != nil {
		t.Fatal(err)
	}
	if err := live.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	startController(t, namespace, "--requeue-dependency=1h")
	root := kustomization("root")
	root.Namespace, root.Labels = namespace, map[string]string{compared: namespace}
	root.Spec.Path, root.Spec.SourceRef = "./cluster", kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "source"}
	return root
}

func follower(t *testing.T, live cluster.Client, root *kustomizev1.Kustomization) *birth.Birth {
	t.Helper()
	return &birth.Birth{
		Bundle: &bundle.Bundle{Root: root, Source: &sourcev1.GitRepository{}}, Cluster: live, WorkDir: t.TempDir(),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Report: &report.Report{},
		Event: func(_ context.Context, reason, message string) { t.Errorf("Event %s: %s", reason, message) },
	}
}

// startNudging nudges root's tree. What it returns waits until that has asked so often, ends it, and says how often it has,
// by kind and cause.
func startNudging(t *testing.T, api cluster.Client, root *kustomizev1.Kustomization) (ended func(times int) map[string]int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, told, asked := slog.New(slog.NewTextHandler(t.Output(), nil)), map[string]int{}, make(chan struct{}, 100)
	cache := live.New(ctx, api, log)
	var watching sync.WaitGroup
	watching.Go(func() {
		roots := []types.NamespacedName{client.ObjectKeyFromObject(root)}
		nudge.Run(ctx, nudge.Options{Cache: cache, Roots: roots, Log: log, Asked: func(kind, cause string) {
			told[kind+": "+cause]++
			asked <- struct{}{}
		}})
		cache.Wait()
	})
	t.Cleanup(watching.Wait)
	return func(times int) map[string]int {
		late := time.After(time.Minute)
		for range times {
			select {
			case <-asked:
			case <-late:
				t.Fatal("not asked often enough")
			}
		}
		cancel()
		watching.Wait()
		return told
	}
}

// waitForFirst lets the first unit of a chain begin when the second waits for it.
func waitForFirst(t *testing.T, live cluster.Client, first, second *kustomizev1.Kustomization) {
	t.Helper()
	until(t, live, second, "left for later", func(k *kustomizev1.Kustomization) bool { return because(k, meta.DependencyNotReadyReason) })
	resume := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"suspend":false}}`))
	if err := live.Patch(t.Context(), first, resume); err != nil {
		t.Fatal(err)
	}
	until(t, live, first, "Ready", func(k *kustomizev1.Kustomization) bool { return k.Status.LastAppliedRevision != "" })
}

func because(k *kustomizev1.Kustomization, reason string) bool {
	ready := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
	return ready != nil && ready.Reason == reason
}

// A chain of units stands as fast as Flux applies them. Each was asked once, for one annotation, and nothing else was
// written. Who follows the standing tree writes nothing at all.
func TestFollowNudgesAChain(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	const ns = "nudge-chain"
	root := nudged(t, live, ns)
	publish(t, live, ns, chain(t, ns, "a", "b", "c", "d", "e"))
	if err := live.Create(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	waitForFirst(t, live, unit(ns, "a"), unit(ns, "b"))
	for _, name := range []string{"c", "d", "e"} { // who is looked at only after that needs no nudge
		until(t, live, unit(ns, name), "left for later", func(k *kustomizev1.Kustomization) bool { return because(k, meta.DependencyNotReadyReason) })
	}

	var written writes
	config := rest.CopyConfig(admin)
	config.WrapTransport = written.through
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	if err := follower(t, newClient(t, config), root).Follow(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("four units stood after %s", time.Since(began).Round(time.Millisecond))
	for _, name := range []string{"b", "c", "d", "e"} {
		k := unit(ns, name)
		if err := live.Get(t.Context(), client.ObjectKeyFromObject(k), k); err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(k.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == "flux" })
		const one = `{"f:metadata":{"f:annotations":{".":{},"f:reconcile.fluxcd.io/requestedAt":{}}}}`
		if at < 0 || k.ManagedFields[at].FieldsV1.GetRawString() != one || k.Generation != 1 {
			t.Errorf("%s: generation %d, fields %+v", name, k.Generation, k.ManagedFields)
		}
		patch := "PATCH /apis/kustomize.toolkit.fluxcd.io/v1/namespaces/" + ns + "/kustomizations/" + name + " 200"
		if n := written.count(patch); n != 1 {
			t.Errorf("%d times %s, want once", n, patch)
		}
	}
	if n := written.count(""); n != 4 {
		t.Errorf("%d writes, want 4: %q", n, written.all)
	}
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return onlyReads{t, next} }
	if err := follower(t, newClient(t, config), root).Follow(ctx); err != nil {
		t.Error(err)
	}
}

// Nobody but seed ends the waiting of a unit whose dependency is Ready. But that a source has got its artifact, Flux sees
// by itself.
func TestFluxWaitsForItsIntervalWithoutANudge(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	const ns = "nudge-nobody"
	root := nudged(t, live, ns)
	if err := live.Create(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	until(t, live, root, "without its source", func(k *kustomizev1.Kustomization) bool { return because(k, meta.ArtifactFailedReason) })
	publish(t, live, ns, chain(t, ns, "a", "b"))
	waitForFirst(t, live, unit(ns, "a"), unit(ns, "b"))
	second := unit(ns, "b")
	if err := live.Get(t.Context(), client.ObjectKeyFromObject(second), second); err != nil || !because(second, meta.DependencyNotReadyReason) {
		t.Errorf("%v; b has not waited: %+v", err, second.Status.Conditions)
	}
}

// unit names one.
func unit(namespace, name string) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{}
	k.Namespace, k.Name = namespace, name
	return k
}

// writes are the requests that are not reads, with their outcome.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) through(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		// What has changed in between is refused, and asked for anew.
		if err == nil && request.Method != http.MethodGet && response.StatusCode != http.StatusConflict {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.all = append(w.all, fmt.Sprint(request.Method, " ", request.URL.Path, " ", response.StatusCode))
		}
		return response, err
	})
}

// count is how many are like this; "" is like each.
func (w *writes) count(like string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, one := range w.all {
		if like == "" || one == like {
			n++
		}
	}
	return n
}

// until waits for k to be so.
func until(t *testing.T, live cluster.Client, k *kustomizev1.Kustomization, what string, so func(*kustomizev1.Kustomization) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watched, err := live.Watch(ctx, &kustomizev1.KustomizationList{}, client.InNamespace(k.Namespace), client.MatchingFields{"metadata.name": k.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Stop()
	var last any
	for event := range watched.ResultChan() {
		if seen, ok := event.Object.(*kustomizev1.Kustomization); ok && so(seen) {
			return
		}
		last = event.Object
	}
	t.Fatalf("%s is not %s: %+v", k.Name, what, last)
}
