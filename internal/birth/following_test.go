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
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/report"
)

// reticent is an API server with a root that is Ready and has brought an app, which is Ready too, and a release. Of anything but
// Kustomizations it says nothing.
type reticent struct {
	client.WithWatch
	events *watch.FakeWatcher // what happens to the root
}

func (reticent) Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kustomizev1.AddToScheme, helmv2.AddToScheme, appsv1.AddToScheme, corev1.AddToScheme} {
		_ = add(scheme)
	}
	return scheme
}

func (reticent) List(ctx context.Context, list client.ObjectList, _ ...client.ListOption) error {
	all, is := list.(*kustomizev1.KustomizationList)
	if !is {
		<-ctx.Done()
		return ctx.Err()
	}
	all.ResourceVersion = "1"
	all.Items = []kustomizev1.Kustomization{*kustomization("root", metav1.ConditionTrue, aRelease, anApp), *kustomization("app", metav1.ConditionTrue)}
	return nil
}

// Watch is one of an API server that cannot begin it with what is there.
func (r reticent) Watch(_ context.Context, _ client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
	if (&client.ListOptions{}).ApplyOptions(options).Raw.SendInitialEvents != nil {
		return nil, errors.New("sendInitialEvents is forbidden")
	}
	return r.events, nil
}

const aRelease, anApp = "apps_blog_helm.toolkit.fluxcd.io_HelmRelease", "flux-system_app_kustomize.toolkit.fluxcd.io_Kustomization"

func kustomization(name string, ready metav1.ConditionStatus, inventory ...string) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: name, Generation: 1, ResourceVersion: "2"}}
	k.Status.ObservedGeneration, k.Status.Inventory = 1, &kustomizev1.ResourceInventory{}
	k.Status.Conditions = []metav1.Condition{{Type: meta.ReadyCondition, Status: ready, Reason: "Test", Message: "the image cannot be pulled", ObservedGeneration: 1}}
	for _, id := range inventory {
		k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: id, Version: "v1"})
	}
	return k
}

// A goal that stands, and falls back while what it brought is still asked for, does not stand: that is no success. A deadline that
// has passed meanwhile is not forgotten.
func TestAGoalThatFallsBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		deadline time.Duration
		becomes  metav1.ConditionStatus // of the root after a second, when it drops the app
		after    time.Duration          // when it ends
	}{
		"it stands":                             {10 * time.Second, metav1.ConditionTrue, 5 * time.Second},
		"it stands, and the deadline passes":    {500 * time.Millisecond, metav1.ConditionTrue, 5 * time.Second},
		"it falls back":                         {10 * time.Second, metav1.ConditionFalse, 10 * time.Second},
		"it falls back, the deadline is behind": {500 * time.Millisecond, metav1.ConditionFalse, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				live := reticent{events: watch.NewFake()}
				f := &Following{
					Cluster: live, Roots: []types.NamespacedName{{Namespace: "flux-system", Name: "root"}}, ReadOnly: true, Deadline: test.deadline,
					Log: slog.New(slog.DiscardHandler), Report: &report.Report{Seed: began},
				}
				time.AfterFunc(time.Second, func() { live.events.Modify(kustomization("root", test.becomes, aRelease)) })
				err := f.Run(ctx)
				falls := test.becomes != metav1.ConditionTrue
				if took := time.Since(began); took != test.after || f.Report.Reached() == falls || len(f.Report.Units) != 1 {
					t.Errorf("it ended after %s with %v, reached: %v, %d units", took, err, f.Report.Reached(), len(f.Report.Units))
				}
				late, isLate := errors.AsType[Deadline](err)
				if isLate != falls || !isLate && err != nil || isLate && !strings.Contains(late.Error(), "the image cannot be pulled") {
					t.Errorf("it ended with %v", err)
				}
			})
		})
	}
}
