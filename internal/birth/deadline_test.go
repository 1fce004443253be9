package birth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/report"
)

// The reflectors' handlers remember, for all of the process, when the last error was, and sleep if that was just now. Each bubble of
// synctest has a time of its own.
func init() { utilruntime.ErrorHandlers = nil }

// slow is an API server with a Kustomization and a HelmRelease, which lists each kind after some time only.
type slow struct {
	client.WithWatch
	ready           metav1.ConditionStatus
	units, releases time.Duration
}

func (s slow) Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, kustomizev1.AddToScheme, helmv2.AddToScheme} {
		_ = add(scheme)
	}
	return scheme
}

func (s slow) List(ctx context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.SetResourceVersion("1")
	var after time.Duration
	switch all := list.(type) {
	case *kustomizev1.KustomizationList:
		apps := kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "apps", Generation: 1}}
		apps.Status.ObservedGeneration = 1
		apps.Status.Conditions = []metav1.Condition{{Type: meta.ReadyCondition, Status: s.ready, Reason: "Test", Message: "no such image"}}
		all.Items, after = []kustomizev1.Kustomization{apps}, s.units
	case *helmv2.HelmReleaseList:
		all.Items, after = []helmv2.HelmRelease{{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "blog"}}}, s.releases
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(after):
		return nil
	}
}

// Watch is one of an API server that cannot begin it with what is there.
func (s slow) Watch(_ context.Context, _ client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
	if (&client.ListOptions{}).ApplyOptions(options).Raw.SendInitialEvents != nil {
		return nil, errors.New("sendInitialEvents is forbidden")
	}
	return watch.NewFake(), nil
}

// A deadline says what is missing, so it waits for the first look at that, but not for ever.
func TestDeadlineWaitsForTheFirstLook(t *testing.T) {
	t.Parallel()
	const never = 1000 * time.Hour
	for name, test := range map[string]struct {
		server slow
		until  string
		after  time.Duration
		want   string // is missing; empty if the goal stands
	}{
		"at once":          {slow{ready: metav1.ConditionFalse}, "", 2 * time.Second, "apps: no such image"},
		"late":             {slow{ready: metav1.ConditionFalse, units: 12 * time.Second}, "", 12 * time.Second, "apps: no such image"},
		"late, stands":     {slow{ready: metav1.ConditionTrue, units: 12 * time.Second}, "", 12 * time.Second, ""},
		"late, not there":  {slow{ready: metav1.ConditionTrue, units: 12 * time.Second}, "ks/other", 12 * time.Second, "other: not in the cluster yet"},
		"late, other kind": {slow{ready: metav1.ConditionTrue, releases: 12 * time.Second}, "hr/blog", 12 * time.Second, "blog: not seen by helm-controller yet"},
		"never":            {slow{ready: metav1.ConditionTrue, units: never}, "", 17 * time.Second, "nothing is known of it"},
		"never, a goal":    {slow{ready: metav1.ConditionTrue, releases: never}, "hr/blog", 17 * time.Second, "nothing is known of it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &Following{
					Cluster: test.server, Roots: []types.NamespacedName{{Namespace: "flux-system", Name: "apps"}}, Deadline: 2 * time.Second,
					ReadOnly: true, Log: slog.New(slog.DiscardHandler), Report: &report.Report{Seed: time.Now()},
				}
				if test.until != "" {
					goal, err := ParseGoal(test.until)
					if err != nil {
						t.Fatal(err)
					}
					f.Until = []Goal{goal}
				}
				began := time.Now()
				err := f.Run(t.Context())
				if took := time.Since(began); took != test.after {
					t.Errorf("it ended after %s, want %s", took, test.after)
				}
				late, isLate := errors.AsType[Deadline](err)
				if isLate != (test.want != "") || !isLate && err != nil || !strings.Contains(late.Missing, test.want) {
					t.Errorf("Run: %v, want that %q is missing", err, test.want)
				}
			})
		})
	}
}

// Nor does the Event of a birth say that what nobody could look at is not there.
func TestDeadlineWithoutALook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		root := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "apps"}}
		goal, err := ParseGoal("hr/blog")
		if err != nil {
			t.Fatal(err)
		}
		var events []string
		b := &Birth{
			Bundle: &bundle.Bundle{Root: root}, Until: []Goal{goal}, Deadline: time.Second,
			Cluster: slow{WithWatch: fake.NewClientBuilder().Build(), ready: metav1.ConditionTrue, releases: time.Hour},
			Log:     slog.New(slog.DiscardHandler), Report: &report.Report{Seed: time.Now()},
			Event: func(_ context.Context, reason, message string) { events = append(events, reason+": "+message) },
		}
		if err := b.Follow(t.Context()); err == nil {
			t.Error("the goal stands")
		}
		const want = "DeadlineExceeded: the goal does not stand after 1s, and seed lets go: nothing is known of it"
		if len(events) != 1 || !strings.HasPrefix(events[0], want) {
			t.Errorf("told %q, want %q", events, want)
		}
	})
}
