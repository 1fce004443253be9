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
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fake is an API server where every source has an artifact of revision.
type fake struct {
	counts map[string]int
	client.Client
	t        *testing.T
	revision string
	err      error // of each patch

	mu    sync.Mutex
	asked []string
	reads int
}

func (f *fake) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	f.reads++
	u, ok := object.(*unstructured.Unstructured)
	if !ok || u.GetKind() != "GitRepository" {
		f.t.Errorf("read %T", object)
		return nil
	}
	return unstructured.SetNestedField(u.Object, f.revision, "status", "artifact", "revision")
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
	annotations, _ := p["metadata"]["annotations"].(map[string]any)
	at, _ := annotations[meta.ReconcileRequestAnnotation].(string)
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
	f.counts = map[string]int{}
	n.told = func(_, cause string) { f.counts[cause]++ }
	return n
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
	f := &fake{t: t, revision: "1"}
	n := f.nudger()
	waiters := []*kustomizev1.Kustomization{waitingFor("b", "a"), waitingFor("c", "a"), waitingFor("d", "a", "b")}
	with := func(others ...*kustomizev1.Kustomization) *state { return stateOf(f, append(others, waiters...)...) }

	n.judge(t.Context(), with(unit("a")))
	expect(t, f, "a is not Ready", "")
	if f.reads > 0 {
		t.Error("a source was read for nothing")
	}
	n.judge(t.Context(), with(ready("a", "1")))
	expect(t, f, "a is Ready", "b c")
	n.judge(t.Context(), with(ready("a", "1")))
	expect(t, f, "nothing is new", "")
	if f.reads != 1 {
		t.Errorf("the source was read %d times", f.reads)
	}
	n.judge(t.Context(), with(ready("a", "2")))
	expect(t, f, "a has applied what its source does not have", "")
	f.revision = "2"
	n.judge(t.Context(), with(ready("a", "2")))
	expect(t, f, "a is Ready at the source's new revision", "b c")
	if f.counts["dependency ready"] != 4 || len(f.counts) != 1 {
		t.Errorf("counted %v", f.counts)
	}
	n.judge(t.Context(), stateOf(f))
	if len(n.asked) != 0 {
		t.Errorf("remembers what is gone: %v", n.asked)
	}
}

// A tree where everything is Ready or at work gets no request, and nothing is read for it.
func TestHealthyTreeIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := &fake{t: t, revision: "1"}
	b := ready("b", "1")
	b.Spec.DependsOn = []kustomizev1.DependencyReference{{Name: "a"}}
	c := says(unit("c", "a"), meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "")
	suspended := waitingFor("d", "a")
	suspended.Spec.Suspend = true
	f.nudger().judge(t.Context(), stateOf(f, ready("a", "1"), b, c, suspended))
	expect(t, f, "healthy", "")
	if f.reads > 0 {
		t.Errorf("%d reads", f.reads)
	}
}

// What another tree brought, or nobody, is not seed's; what a unit of the tree brought is.
func TestOnlyTheTree(t *testing.T) {
	t.Parallel()
	f := &fake{t: t, revision: "1"}
	label := func(name, owner string) *kustomizev1.Kustomization {
		k := waitingFor(name, "a")
		k.Labels["kustomize.toolkit.fluxcd.io/name"] = owner
		return k
	}
	loop := label("loop", "loop")
	f.nudger().judge(t.Context(), stateOf(f, ready("a", "1"), label("below", "a"), label("foreign", "other"), loop, label("in-loop", "loop")))
	expect(t, f, "four others wait", "below")
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
		f := &fake{t: t, revision: "1", err: test.err}
		n := f.nudger()
		s := stateOf(f, ready("a", "1"), waitingFor("b", "a"))
		n.judge(t.Context(), s)
		expect(t, f, name, "b")
		n.judge(t.Context(), s)
		expect(t, f, name+", again", test.again)
		if want := test.err == nil; (f.counts["dependency ready"] == 1) != want {
			t.Errorf("%s: counted %v", name, f.counts)
		}
	}
}

// One Kustomization that waits for its own rule each.
func TestEveryRuleAsks(t *testing.T) {
	t.Parallel()
	f := &fake{t: t, revision: "1"}
	n := f.nudger()
	lost := says(unit("lost"), meta.ReadyCondition, metav1.ConditionFalse, meta.ArtifactFailedReason, "failed to download archive: connection refused")
	s := stateOf(f, ready("a", "1"), waitingFor("b", "a"), lost)
	n.judge(t.Context(), s)
	expect(t, f, "without source-controller", "b")
	s.sourceControllers = append(s.sourceControllers, deployment(corev1.ConditionTrue, now.Time))
	n.judge(t.Context(), s)
	expect(t, f, "source-controller came", "lost")
	n.judge(t.Context(), s)
	expect(t, f, "nothing is new", "")
	if len(f.counts) != len(rules) {
		t.Errorf("counted %v, want each of %d rules", f.counts, len(rules))
	}
}
