package report_test

import (
	"testing"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

func TestWhatAUnitDoes(t *testing.T) {
	t.Parallel()
	const root = "flux-system/flux-system"
	r := &report.Report{}
	r.See(report.Unit{Name: root}, report.PhaseReady, "", births.At(1))
	r.See(report.Unit{Name: "flux-system/late"}, report.PhaseFailed, "why", births.At(1))
	for _, test := range []struct {
		unit  report.Unit
		phase report.Phase
		why   string
		want  string
	}{
		{report.Unit{By: root}, report.PhaseAbsent, "", "waits for flux-system to bring it"},
		{report.Unit{}, report.PhaseAbsent, "", "waits for somebody to create it"},
		{report.Unit{}, report.PhaseQueued, "not seen by kustomize-controller yet", "waits for Flux to look at it"},
		{report.Unit{Part: true}, report.PhaseQueued, "", "waits for its controller to look at it"},
		{report.Unit{}, report.PhaseSource, "Source artifact not found", "waits for its source: Source artifact not found"},
		{report.Unit{Needs: []string{root, "flux-system/late", "apps/other"}}, report.PhaseDepends, "a dependency is not ready", "waits for late (failed), apps/other (not seen yet)"},
		{report.Unit{Needs: []string{root}}, report.PhaseDepends, "a dependency is not ready", "waits for Flux to look at its dependencies again"},
		{report.Unit{}, report.PhaseDepends, "dependency 'a/b' is not ready", "waits for dependency 'a/b'"},
		{report.Unit{}, report.PhaseWorking, "Reconciliation in progress", "being applied"},
		{report.Unit{Part: true}, report.PhaseWorking, "Running 'install' action", "being reconciled: Running 'install' action"},
		{report.Unit{}, report.PhaseHealth, "Reconciliation in progress", "applied, not healthy yet"},
		{report.Unit{Detail: "main@sha1:1 it is\nas long as it is"}, report.PhaseFailed, "it is as...", "failed: it is as long as it is"},
		{report.Unit{Stalled: true}, report.PhaseFailed, "install retries exhausted", "stalled: install retries exhausted"},
		{report.Unit{Detail: "something else"}, report.PhaseFailed, "it is as...", "failed: it is as..."},
		{report.Unit{}, report.PhaseSuspended, "", "suspended: Flux leaves it alone until somebody resumes it"},
		{report.Unit{}, report.PhaseUnknown, "", "not Ready, and nobody watched"},
		{report.Unit{}, report.PhaseUnknown, "it cannot be read", "it cannot be read"},
		{report.Unit{}, report.PhaseReady, "", "Ready"},
	} {
		if got := r.Doing(&test.unit, report.Span{Phase: test.phase, Why: test.why}); got != test.want {
			t.Errorf("%s: %q, want %q", test.phase, got, test.want)
		}
	}
}
