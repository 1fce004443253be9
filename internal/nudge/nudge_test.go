package nudge

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/live"
)

// fake is a cluster with these objects, where every source has an artifact of revision. Its time stands still.
type fake struct {
	client.Client
	t        *testing.T
	objects  []client.Object
	served   []*unstructured.Unstructured // what is read whole
	revision string
	err      error  // of each patch
	refusal  error  // of each dry run
	lost     string // the kind that cannot be watched any more
	scheme   *runtime.Scheme
	now      time.Time

	mu      sync.Mutex
	asked   []string
	tries   int // dry runs
	reads   int
	watched map[live.Query]bool
	told    map[string]int
}

func newFake(t *testing.T, objects ...client.Object) *fake {
	t.Helper()
	c, err := cluster.ForConfig(&rest.Config{Host: "https://api.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return &fake{t: t, objects: objects, revision: "1", scheme: c.Scheme(), now: now.Time, watched: map[live.Query]bool{}, told: map[string]int{}}
}

// Get reads what is served.
func (f *fake) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	f.reads++
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		f.t.Errorf("read %T", object)
		return nil
	}
	for _, o := range f.served {
		if o.GroupVersionKind() == u.GroupVersionKind() && client.ObjectKeyFromObject(o) == key {
			o.DeepCopyInto(u)
			return nil
		}
	}
	f.t.Errorf("read %s %s", u.GroupVersionKind(), key)
	return nil
}

// list is a cache's: it begins to watch.
func (f *fake) list(q live.Query) ([]client.Object, error) {
	f.watched[q] = true
	selector, err := labels.Parse(q.Labels)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []client.Object
	for _, o := range append(slices.Clone(f.objects), f.source()) {
		kind := o.GetObjectKind().GroupVersionKind() // of metadata
		if kind.Empty() {
			if kind, err = apiutil.GVKForObject(o, f.scheme); err != nil {
				f.t.Fatal(err)
			}
		}
		if kind == q.Kind && (q.Namespace == "" || q.Namespace == o.GetNamespace()) && (q.Name == "" || q.Name == o.GetName()) &&
			selector.Matches(labels.Set(o.GetLabels())) {
			all = append(all, o)
		}
	}
	if q.Kind.Kind == f.lost {
		return all, live.Stale{Err: errors.New("forbidden")}
	}
	return all, nil
}

// source is the one of all Kustomizations, but where a test has its own.
func (f *fake) source() client.Object {
	g := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "main", UID: "uid of the source"}}
	g.Status.Artifact = &meta.Artifact{Revision: f.revision}
	return g
}

// watches are the kinds that are watched besides Kustomizations, sorted.
func (f *fake) watches() string {
	var kinds []string
	for q := range f.watched {
		if q.Kind != kustomizationKind {
			kinds = append(kinds, q.Kind.Kind)
		}
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

// Patch takes nothing but a request, of what was looked at.
func (f *fake) Patch(_ context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	var p map[string]map[string]any
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	if slices.Contains(options, client.PatchOption(client.DryRunAll)) {
		f.tries++
		if labels, _ := p["metadata"]["labels"].(map[string]any); len(p) != 1 || len(p["metadata"]) != 1 || len(labels) != 1 || object.GetName() != "root" {
			f.t.Errorf("a dry run of %s: %s", object.GetName(), data)
		}
		return f.refusal
	}
	name := meta.ReconcileRequestAnnotation
	if object.GetObjectKind().GroupVersionKind().Kind == "ExternalSecret" {
		name = "force-sync"
	}
	annotations, _ := p["metadata"]["annotations"].(map[string]any)
	at, _ := annotations[name].(string)
	_, err = time.Parse(time.RFC3339Nano, at)
	if err != nil || len(p) != 1 || len(p["metadata"]) != 2 || len(annotations) != 1 || p["metadata"]["resourceVersion"] != "7" ||
		patch.Type() != types.MergePatchType || !slices.Contains(options, client.PatchOption(client.FieldOwner("flux"))) {
		f.t.Errorf("%s of %s with %v: %s", patch.Type(), object.GetName(), options, data)
	}
	f.asked = append(f.asked, object.GetName())
	return f.err
}

func (f *fake) nudger() *nudger {
	n := newNudger(f, slog.New(slog.DiscardHandler))
	n.list, n.drop, n.now = f.list, func(q live.Query) { delete(f.watched, q) }, func() time.Time { return f.now }
	n.roots = func() []types.NamespacedName { return []types.NamespacedName{{Namespace: "flux-system", Name: "root"}} }
	n.told = func(kind, cause string) { f.told[kind+": "+cause]++ }
	return n
}

// judge looks at the objects as they are now; root is always among them.
func (f *fake) judge(n *nudger, objects ...client.Object) {
	f.objects = objects
	if !slices.ContainsFunc(objects, func(o client.Object) bool { return o.GetName() == "root" }) {
		f.objects = append([]client.Object{kustomization("root")}, objects...)
	}
	n.judge(f.t.Context())
}

// took are the requests since it was called last, sorted.
func (f *fake) took() string {
	slices.Sort(f.asked)
	took := strings.Join(f.asked, " ")
	f.asked = nil
	return took
}

func expect(t *testing.T, f *fake, when, want string) {
	t.Helper()
	if got := f.took(); got != want {
		t.Errorf("%s: asked %q, want %q", when, got, want)
	}
}

// All that wait for one are asked when it has become Ready, once; those that lack another one are not.
func TestAskedOncePerCause(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	with := func(other client.Object) {
		f.judge(n, other, waitingFor("b", "a"), waitingFor("c", "a"), waitingFor("d", "a", "b"))
	}
	with(kustomization("a"))
	expect(t, f, "a is not Ready", "")
	with(ready("a", "1"))
	expect(t, f, "a is Ready", "b c")
	with(ready("a", "1"))
	expect(t, f, "nothing is new", "")
	if f.reads > 0 || f.watches() != "GitRepository" {
		t.Errorf("%d reads; watched: %s", f.reads, f.watches())
	}
	with(ready("a", "2"))
	expect(t, f, "a has applied what its source does not have", "")
	f.revision = "2"
	with(ready("a", "2"))
	expect(t, f, "a is Ready at the source's new revision", "b c")
	if f.told["Kustomization: dependency ready"] != 4 || len(f.told) != 1 {
		t.Errorf("told %v", f.told)
	}
	f.judge(n)
	if len(n.asked) != 0 {
		t.Errorf("remembers what is gone: %v", n.asked)
	}
}

// A tree where everything is Ready or at work gets no request, and nothing is read or watched for it but what its
// inventories list.
func TestHealthyTreeIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	b := ready("b", "1")
	b.Spec.DependsOn = []kustomizev1.DependencyReference{{Name: "a"}}
	c := says(kustomization("c", "a"), meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "")
	suspended := waitingFor("d", "a")
	suspended.Spec.Suspend = true
	f.judge(n, ready("a", "1"), b, c, suspended)
	expect(t, f, "healthy", "")
	if f.watches() != "" {
		t.Errorf("watched %s", f.watches())
	}
	brings(b, "helm.toolkit.fluxcd.io_HelmRelease")
	f.judge(n, ready("a", "1"), b, c, suspended)
	expect(t, f, "healthy, with a release", "")
	if f.watches() != "HelmRelease" {
		t.Errorf("watched %s", f.watches())
	}
	if f.reads > 0 {
		t.Errorf("%d reads", f.reads)
	}
}

// What another tree brought, or nobody, is not seed's; what a unit of the tree brought is.
func TestOnlyTheTree(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	label := func(name, owner string) *kustomizev1.Kustomization {
		k := waitingFor(name, "a")
		k.Labels["kustomize.toolkit.fluxcd.io/name"] = owner
		return k
	}
	below := label("below", "a")
	brings(below, "helm.toolkit.fluxcd.io_HelmRelease")
	ours, others := release("ours", "x"), release("others", "x")
	ours.Labels["kustomize.toolkit.fluxcd.io/name"], others.Labels["kustomize.toolkit.fluxcd.io/name"] = "below", "foreign"
	all := []client.Object{ready("a", "1"), below, label("foreign", "other"), label("loop", "loop"), label("in-loop", "loop"), ours, others, readyRelease("x")}
	n := f.nudger()
	f.judge(n, all...)
	expect(t, f, "four others wait", "below ours")
	n.roots = func() []types.NamespacedName { return nil }
	f.judge(n, all...)
	expect(t, f, "without a root", "foreign in-loop loop others")
}

// A request that fails ends nothing. What was judged in an older state is due again, what is forbidden is not.
func TestErrors(t *testing.T) {
	t.Parallel()
	kind := schema.GroupResource{Group: kustomizev1.GroupVersion.Group, Resource: "kustomizations"}
	for name, test := range map[string]struct {
		err   error
		again string
	}{
		"conflict":      {apierrors.NewConflict(kind, "b", errors.New("changed")), "b"},
		"out of reach":  {errors.New("connection refused"), "b"},
		"forbidden":     {apierrors.NewForbidden(kind, "b", errors.New("no")), ""},
		"nothing wrong": {nil, ""},
	} {
		f := newFake(t)
		f.err = test.err
		n := f.nudger()
		f.judge(n, ready("a", "1"), waitingFor("b", "a"))
		expect(t, f, name, "b")
		f.judge(n, ready("a", "1"), waitingFor("b", "a"))
		expect(t, f, name+", again", test.again)
		if want := test.err == nil; (f.told["Kustomization: dependency ready"] == 1) != want {
			t.Errorf("%s: told %v", name, f.told)
		}
	}
}

// What cannot be watched any more is no cause, and nothing of it is asked: it is what was known last. What was asked and is
// watched stays so.
func TestStaleIsNoCause(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	root := brings(kustomization("root"), "helm.toolkit.fluxcd.io_HelmRelease")
	with := func(lost string, a client.Object) {
		f.lost = lost
		f.judge(n, root, a, waitingFor("b", "a"), readyRelease("x"), release("y", "x"))
	}
	f.lost = "HelmRelease"
	f.judge(n, root, kustomization("a"), waitingFor("b", "a"), readyRelease("x"), release("y", "x"))
	expect(t, f, "no release is known", "")
	with("Kustomization", ready("a", "1"))
	expect(t, f, "no Kustomization is known", "")
	with("GitRepository", ready("a", "1"))
	expect(t, f, "no source is known", "y")
	with("", ready("a", "1"))
	expect(t, f, "all is known", "b")
	for _, lost := range []string{"Kustomization", "HelmRelease", "GitRepository", ""} {
		with(lost, ready("a", "1"))
		expect(t, f, lost+" lost, and all was asked", "")
		if f.watches() != "GitRepository HelmRelease" {
			t.Errorf("watches %s", f.watches())
		}
	}
}
