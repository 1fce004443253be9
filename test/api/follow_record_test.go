//go:build apiserver

package api_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/report"
)

// changes tells of each change that seed has seen.
type changes struct {
	slog.Handler
	told chan struct{}
}

func (c changes) Enabled(context.Context, slog.Level) bool { return true }

func (c changes) Handle(_ context.Context, record slog.Record) error {
	if record.Message == "kustomization" {
		c.told <- struct{}{}
	}
	return nil
}

// What the watch delivers becomes the spans of the units: what each waited for, and what Flux did with it.
func TestFollowRecordsWhatUnitsDo(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "record", "record-base", "record-app")
	var app kustomizev1.Kustomization
	key := types.NamespacedName{Namespace: root.Namespace, Name: "record-app"}
	if err := live.Get(t.Context(), key, &app); err != nil {
		t.Fatal(err)
	}
	app.Spec.Wait, app.Spec.DependsOn = true, []kustomizev1.DependencyReference{{Name: "record-base"}}
	if err := live.Update(t.Context(), &app); err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	timeline := &report.Report{}
	b := &birth.Birth{
		Bundle: &bundle.Bundle{Root: kustomization(root.Name), Source: &sourcev1.GitRepository{}}, Cluster: live, Report: timeline,
		Log: slog.New(changes{slog.DiscardHandler, told}), Event: func(context.Context, string, string) {},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- b.Follow(ctx) }()
	next := func(n int) {
		t.Helper()
		for range n {
			select {
			case <-told:
			case err := <-ended:
				t.Fatalf("it ended early: %v", err)
			}
		}
	}
	next(1)
	reconcile(t, live, root.Name, metav1.ConditionTrue, "applied", "record-base", "record-app")
	next(3) // the root is Ready, both others are seen
	reconcileBecause(t, live, "record-app", metav1.ConditionFalse, meta.DependencyNotReadyReason, "dependency 'flux-system/record-base' is not ready")
	next(1)
	reconcileBecause(t, live, "record-base", metav1.ConditionUnknown, meta.ProgressingReason, "Reconciliation in progress")
	next(1)
	reconcile(t, live, "record-base", metav1.ConditionTrue, "applied")
	next(1)
	reconcileBecause(t, live, "record-app", metav1.ConditionUnknown, meta.ProgressingReason, "Reconciliation in progress")
	next(1)
	reconcile(t, live, "record-app", metav1.ConditionTrue, "applied")
	next(1)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want := map[string][]report.Phase{
		"flux-system/record":      {report.PhaseQueued, report.PhaseReady},
		"flux-system/record-base": {report.PhaseQueued, report.PhaseWorking, report.PhaseReady},
		"flux-system/record-app":  {report.PhaseQueued, report.PhaseDepends, report.PhaseWorking, report.PhaseReady},
	}
	for _, u := range timeline.Units {
		var phases []report.Phase
		for _, s := range u.Spans {
			if s.Phase != report.PhaseUnknown { // on a slow machine, before the first look
				phases = append(phases, s.Phase)
			}
		}
		if len(phases) != len(want[u.Name]) {
			t.Errorf("%s: %v, want %v", u.Name, phases, want[u.Name])
			continue
		}
		for i, phase := range phases {
			if phase != want[u.Name][i] {
				t.Errorf("%s: %v, want %v", u.Name, phases, want[u.Name])
			}
		}
	}
	last := timeline.Units[2]
	if len(timeline.Units) != 3 || last.By != "flux-system/record" || len(last.Needs) != 1 || last.Needs[0] != "flux-system/record-base" || last.Unchecked {
		t.Errorf("units %+v", timeline.Units)
	}
	path := timeline.CriticalPath()
	if len(path) < 2 || path[len(path)-1].Name != "flux-system/record-app" || path[len(path)-2].Name != "flux-system/record-base" {
		t.Errorf("path %+v", path)
	}
}
