package page_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

const root, infra = "flux-system/flux-system", "flux-system/infrastructure"

// stood is what "seed follow" keeps of a tree that stood before.
func stood() *report.Report {
	// What is recorded counts in milliseconds, the beginning does not.
	r := &report.Report{Seed: births.Start.Add(400 * time.Microsecond), Saved: births.At(1)}
	for _, u := range []report.Unit{
		{Name: root, At: births.At(-3600)}, {Name: "gitrepository/flux-system/flux-system", By: root, Part: true, At: births.At(-3610)},
		{Name: "flux-system/web", By: root, Workload: true, At: births.At(-3500)},
	} {
		u.Ready, u.Detail = true, "main@sha1:38c9b352a7c1f4e0d9b86a5512c77de0a3b4c9f1"
		r.See(u, report.PhaseReady, "", r.Seed)
	}
	return r
}

// followed is the same where one unit had failed, and another waited for it.
func followed() *report.Report {
	r := stood()
	r.Saved, r.Nudges = births.At(20), map[string]int{"dependency ready": 1}
	see := func(u report.Unit, phase report.Phase, why string, at float64) {
		if u.Ready = phase == report.PhaseReady; u.Ready {
			u.At = births.At(at)
		}
		r.See(u, phase, why, births.At(at))
	}
	failed := report.Unit{Name: infra, By: root}
	see(failed, report.PhaseFailed, "kustomize build failed: infrastructure/kustomization.yaml: no such file", 0.1)
	see(failed, report.PhaseWorking, "Reconciliation in progress", 12)
	see(failed, report.PhaseHealth, "Reconciliation in progress", 12.6)
	see(failed, report.PhaseReady, "", 17.6)
	apps := report.Unit{Name: "flux-system/apps", By: root, Needs: []string{infra}, Workload: true}
	see(apps, report.PhaseDepends, "dependency 'flux-system/infrastructure' is not ready", 0.1)
	see(apps, report.PhaseWorking, "Reconciliation in progress", 17.7)
	see(apps, report.PhaseReady, "", 18)
	return r
}

// untilThen is a birth that ended at a moment since its goal stood then.
func untilThen(at float64, until string) *report.Report {
	r := births.AsOf(births.Castle(), births.At(at))
	r.Until = []string{"flux-system/" + until}
	return r
}

// The page of a following is none of a birth: what was before it has a word, and no place in the chart.
func TestFollowedPages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines       []string // the moments in the chart
		want, never []string
	}{
		"stood": {nil, []string{
			"First app online before which one was the first is not known", "Everything before 2 units", "web before", "Every unit in words (3)",
			"flux-system before not recorded main@sha1",
		}, []string{"–", "ritical path", "slowest", "waited for:", "each app", "seed plants"}},
		"followed": {[]string{"everything 18.0 s"}, []string{
			"Everything 18.0 s 4 units", "infrastructure 0.10 s 17.5 s", "apps 17.6 s 0.40 s", "Asked Flux to look again once dependency ready 1", "web before not recorded",
		}, []string{"seed plants", "flux-system before 0.10 s", "first app online"}},
	} {
		doc := parse(t, write(t, examples()[name]))
		got := textOf(doc)
		for _, text := range append(test.want, "The tree of units, followed from 21 November 2026, 08:00 UTC", "Somebody followed a cluster that lived already") {
			if !strings.Contains(got, text) {
				t.Errorf("%s: %q is not in %s", name, text, got)
			}
		}
		for _, text := range append(test.never, "Birth", "the machine started") {
			if strings.Contains(got, text) {
				t.Errorf("%s: %q is in %s", name, text, got)
			}
		}
		var lines []string
		for _, line := range within(doc, "line") {
			lines = append(lines, textOf(line))
		}
		if strings.Join(lines, ", ") != strings.Join(test.lines, ", ") {
			t.Errorf("%s: the lines are %q", name, lines)
		}
		for _, row := range within(doc, "row") {
			if track := attribute(within(row, "track")[0], "aria-label"); strings.Contains(textOf(row), "web") && track != "web: before. Ready before" {
				t.Errorf("%s: a row says %q", name, track)
			}
		}
	}
}
