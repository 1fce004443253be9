package birth

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

// following is one whose birth keeps its Events.
func following(events *[]string) *Following {
	b := &Birth{Report: &report.Report{}, Event: func(_ context.Context, reason, message string) { *events = append(*events, reason+" "+message) }}
	return &Following{Log: slog.New(slog.DiscardHandler), Report: b.Report, birth: b, told: map[follow.ID]map[string]bool{}}
}

// Each message is told once, whatever numbers are in it, until the unit has been Ready.
func TestTellOnce(t *testing.T) {
	t.Parallel()
	var events []string
	f := following(&events)
	release := follow.Unit{ID: follow.ID{Kind: "helmrelease", Namespace: "apps", Name: "blog"}, Failed: true, Phase: report.PhaseFailed}
	for i, test := range []struct {
		reason string
		change func(*follow.Unit)
		want   string
	}{
		{"install failed after 1m0.5s: timed out", nil, "UnitNotReady HelmRelease apps/blog is not Ready, and Flux goes on trying: install failed after 1m0.5s: timed out"},
		{"install failed after 59s: timed out", nil, ""},
		{"uninstalled apps/blog.v2", nil, "uninstalled"},
		{"install failed after 58s: timed out", nil, ""},
		{"Failed to install after 1 attempt(s)", func(u *follow.Unit) { u.Stalled = true }, "does not try again before it is changed: Failed to install"},
		{"dependency", func(u *follow.Unit) { u.Failed = false }, ""},
		{"", func(u *follow.Unit) { u.Failed, u.Ready = false, true }, ""},
		{"install failed after 57s: timed out", nil, "timed out"},
	} {
		u := release
		u.Reason = test.reason
		if test.change != nil {
			test.change(&u)
		}
		events = nil
		f.tell(t.Context(), u)
		if got := strings.Join(events, "\n"); (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%d: told %q, want %q", i, got, test.want)
		}
	}
	for i := range 10 * mostTold {
		release.Reason = strings.Repeat("x", i)
		f.tell(t.Context(), release)
	}
	if n := len(f.told[release.ID]); n > mostTold {
		t.Errorf("%d messages are remembered", n)
	}
}

// However long it goes on, the report has only what is there, and each unit a bounded number of spans.
func TestReportOfAFollowingForEverStaysBounded(t *testing.T) {
	t.Parallel()
	var events []string
	f := following(&events)
	for i := range 500 {
		phase := report.PhaseReady
		if i%2 == 0 {
			phase = report.PhaseFailed
		}
		all := []follow.Unit{
			{ID: follow.ID{Namespace: "flux-system", Name: "root"}, Phase: phase, Ready: phase == report.PhaseReady, Reason: "x", Failed: true},
			{ID: follow.ID{Namespace: "flux-system", Name: fmt.Sprint("unit-", i)}, Phase: phase, Reason: "x", Failed: true},
		}
		f.changed(t.Context(), all, all)
	}
	if len(f.Report.Units) != 2 || f.Report.Units[1].Name != "flux-system/unit-499" || len(f.Report.Units[0].Spans) > 24 || len(f.told) > 2 {
		t.Errorf("%d units, %d spans, told of %d", len(f.Report.Units), len(f.Report.Units[0].Spans), len(f.told))
	}
}

// What is named but suspended, or waits for what is, can never stand.
func TestNever(t *testing.T) {
	t.Parallel()
	unit := func(name string, phase report.Phase, needs ...follow.ID) follow.Unit {
		return follow.Unit{ID: follow.ID{Namespace: "flux-system", Name: name}, Phase: phase, Needs: needs, Reason: "x"}
	}
	paused := follow.ID{Namespace: "flux-system", Name: "paused"}
	all := []follow.Unit{unit("paused", report.PhaseSuspended), unit("behind", report.PhaseDepends, paused), unit("beside", report.PhaseWorking),
		unit("checks", report.PhaseHealth), {ID: follow.ID{Kind: "helmrelease", Namespace: "apps", Name: "off"}, Phase: report.PhaseSuspended, By: follow.ID{Namespace: "flux-system", Name: "checks"}}}
	for goal, want := range map[string]string{
		"": "", "beside": "", "checks": "",
		"paused": "flux-system/paused is suspended", "behind": "flux-system/paused is suspended, and flux-system/behind would never become Ready",
	} {
		var events []string
		f := following(&events)
		if goal != "" {
			f.goals = []follow.ID{{Namespace: "flux-system", Name: goal}}
			f.Report.Until = []string{"flux-system/" + goal}
		}
		f.changed(t.Context(), all, all)
		if err := f.never(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", goal, err, want)
		}
	}
}

// If all is suspended nothing can ever stand, whether or not it is named.
func TestNeverIfAllIsSuspended(t *testing.T) {
	t.Parallel()
	var events []string
	f := following(&events)
	all := []follow.Unit{{ID: follow.ID{Namespace: "flux-system", Name: "root"}, Phase: report.PhaseSuspended, Reason: "x"}}
	f.changed(t.Context(), all, all)
	if err := f.never(); err == nil || !strings.Contains(err.Error(), "flux-system/root is suspended") {
		t.Errorf("%v", err)
	}
	if f.Forever = true; f.never() != nil {
		t.Error("who follows for ever waits for a change")
	}
}

func TestRecordOfADeadlineIsNoSuccess(t *testing.T) {
	t.Parallel()
	r := &report.Report{Ended: time.Unix(1, 0), Deadline: time.Minute}
	r.See(report.Unit{Name: "flux-system/apps"}, report.PhaseFailed, "no such image", time.Unix(0, 0))
	if summary, err := recorded(r); summary != "" || err == nil || !strings.Contains(err.Error(), "does not stand after 1m0s:\n") || !strings.Contains(err.Error(), "apps: no such image") {
		t.Errorf("%q, %v", summary, err)
	}
	r.Deadline = 0
	if summary, err := recorded(r); err != nil || !strings.Contains(summary, "the birth has ended at 1970-01-01T00:00:01Z") {
		t.Errorf("%q, %v", summary, err)
	}
}
