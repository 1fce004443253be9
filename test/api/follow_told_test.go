//go:build apiserver

package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/report"
)

// A unit that Flux could not bring is told of once, with the tree as it is; waiting for a dependency is nothing to tell.
func TestFollowTellsOfAUnitThatDoesNotStand(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "stuck", "stuck-database", "stuck-app")
	reconcile(t, live, "stuck", metav1.ConditionTrue, "applied", "stuck-database", "stuck-app")
	reconcileBecause(t, live, "stuck-app", metav1.ConditionFalse, meta.DependencyNotReadyReason, "dependency 'flux-system/stuck-database' is not ready")
	failed := func(after string) {
		reconcileBecause(t, live, "stuck-database", metav1.ConditionFalse, meta.HealthCheckFailedReason,
			"health check failed after "+after+": timeout waiting for: [PostgresCluster/data/db status: 'InProgress']")
	}
	failed("1m0s")
	timeline := &report.Report{}
	told := make(chan string, 10)
	b := &birth.Birth{
		Bundle: &bundle.Bundle{Root: kustomization(root.Name), Source: &sourcev1.GitRepository{}}, Cluster: live,
		Log: slog.New(slog.DiscardHandler), Report: timeline,
		Event: func(_ context.Context, reason, message string) {
			told <- fmt.Sprint(reason, " ", message, " ", timeline.Units)
		},
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { ended <- b.Follow(ctx) }()
	first := ""
	select {
	case first = <-told:
	case err := <-ended:
		t.Fatalf("it ended before it told anything: %v", err)
	}
	for _, want := range []string{"UnitNotReady", "Kustomization flux-system/stuck-database", "PostgresCluster/data/db", "{flux-system/stuck true"} {
		if !strings.Contains(first, want) {
			t.Errorf("told %q, want %q in it", first, want)
		}
	}
	failed("1m1s") // the same again is no news
	reconcile(t, live, "stuck-app", metav1.ConditionTrue, "applied")
	reconcile(t, live, "stuck-database", metav1.ConditionTrue, "applied")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(told) > 0 {
		t.Errorf("told again: %s", <-told)
	}
	if len(timeline.Units) != 3 || !timeline.Units[0].Ready || !timeline.Units[1].Ready || !timeline.Units[2].Ready {
		t.Errorf("units %+v", timeline.Units)
	}
}
