package nudge

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// denied is what the API server says of what it does not let pass.
func denied(reason metav1.StatusReason, why string) error {
	err := apierrors.NewForbidden(schema.GroupResource{Group: kustomizev1.GroupVersion.Group, Resource: "kustomizations"}, "root", errors.New(why))
	err.ErrStatus.Reason = reason
	return err
}

var byPolicy = denied(metav1.StatusReasonInvalid, "ValidatingAdmissionPolicy 'seed-follow' with binding 'seed-follow' denied request: "+Refusal+"; this would change other metadata")

// guarded is a nudger that needs the policy, with what it logs.
func guarded(f *fake) (n *nudger, log *strings.Builder, proven *int) {
	log, proven = &strings.Builder{}, new(int)
	n = f.nudger()
	n.log = slog.New(slog.NewTextHandler(log, nil))
	n.guard = &guard{proven: func() { *proven++ }}
	return n, log, proven
}

// Before the policy is proven nobody is asked, it is told why, and it is tried again, but not with each change. What waits by
// then is asked for in the moment when it is proven.
func TestNobodyIsAskedWithoutThePolicy(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n, log, proven := guarded(f)
	tried := func(when string, tries int, asked string) {
		t.Helper()
		f.objects = []client.Object{kustomization("root"), ready("a", "1"), waitingFor("b", "a")}
		if later := n.judge(t.Context()); (later == nil) != (asked != "") {
			t.Errorf("%s: looks again: %v", when, later != nil)
		}
		expect(t, f, when, asked)
		if f.tries != tries {
			t.Errorf("%s: %d tries, want %d", when, f.tries, tries)
		}
	}
	tried("at first", 1, "")
	tried("with another change", 1, "")
	f.now = f.now.Add(firstPause)
	tried("after a second", 2, "")
	f.now = f.now.Add(firstPause)
	tried("a second later", 2, "")
	f.now = f.now.Add(firstPause)
	tried("two seconds later", 3, "")
	if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "nothing is asked for") || !strings.Contains(text, "flux-system/root") || !strings.Contains(text, "next=") || *proven != 0 {
		t.Errorf("the log is %s", text)
	}
	f.now, f.refusal = f.now.Add(time.Hour), byPolicy
	tried("with the policy", 4, "b")
	if *proven != 1 || !strings.Contains(log.String(), "in force") {
		t.Errorf("proven %d times; the log is %s", *proven, log)
	}
	f.now, f.refusal = f.now.Add(time.Hour), nil
	f.judge(n, ready("a", "1"), waitingFor("c", "a"))
	expect(t, f, "later", "c")
	if f.tries != 4 {
		t.Errorf("%d tries in all", f.tries)
	}
}

// Only what the policy says proves it. Each reason is told once.
func TestWhatProvesNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n, log, _ := guarded(f)
	for told, refusal := range []error{
		nil,
		denied(metav1.StatusReasonForbidden, `User "system:serviceaccount:flux-system:seed-follow" cannot patch resource`),
		denied(metav1.StatusReasonInvalid, "ValidatingAdmissionPolicy 'labels' with binding 'labels' denied request: no such label"),
		errors.New("connection refused: " + Refusal),
	} {
		for range 2 {
			f.refusal, f.now = refusal, f.now.Add(longestPause)
			f.judge(n, ready("a", "1"), waitingFor("b", "a"))
			expect(t, f, log.String(), "")
		}
		if text := log.String(); strings.Count(text, "level=WARN") != told+1 || refusal != nil && !strings.Contains(text, strings.ReplaceAll(refusal.Error(), `"`, `\"`)) {
			t.Errorf("told %d times:\n%s", told+1, text)
		}
	}
	if f.tries != 8 {
		t.Errorf("%d tries", f.tries)
	}
}

// Who waits for a policy that does not come costs one request in a minute.
func TestTriesAreFew(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n, _, _ := guarded(f)
	for range 3600 {
		f.judge(n, ready("a", "1"), waitingFor("b", "a"))
		f.now = f.now.Add(time.Second)
	}
	if f.tries < 60 || f.tries > 66 {
		t.Errorf("%d tries in an hour", f.tries)
	}
}

// Without a Kustomization there is nothing to try it on, nor anybody to ask for; without a policy that is needed nothing is tried.
func TestNothingToTry(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n, log, _ := guarded(f)
	if later := n.judge(t.Context()); later != nil || f.tries != 0 || log.Len() > 0 {
		t.Errorf("%d tries; the log is %s", f.tries, log)
	}
	n.roots = func() []types.NamespacedName { return nil }
	f.refusal = byPolicy
	root := kustomization("root")
	root.Labels = nil
	f.objects = []client.Object{ready("x", "1"), root, waitingFor("y", "x")}
	n.judge(t.Context())
	expect(t, f, "without a named root", "y")
	n = f.nudger()
	f.judge(n, ready("a", "1"), waitingFor("b", "a"))
	expect(t, f, "at a desk", "b")
	if f.tries != 1 {
		t.Errorf("%d tries", f.tries)
	}
}
