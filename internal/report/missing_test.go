package report_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// state is a unit in one phase, for a reason.
func state(name, by string, phase report.Phase, why string, needs ...string) report.Unit {
	u := report.Unit{Name: name, By: by, Needs: needs, Ready: phase == report.PhaseReady, Part: strings.Count(name, "/") == 2,
		Spans: []report.Span{{Phase: phase, Start: births.At(1), Why: why}}}
	u.Stalled = strings.HasPrefix(why, "stalled")
	return u
}

// Each unit that does not stand is told under what it waits for in the end.
func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	const d, h, f, ready, absent = report.PhaseDepends, report.PhaseHealth, report.PhaseFailed, report.PhaseReady, report.PhaseAbsent
	root := state("ns/root", "", ready, "")
	for name, test := range map[string]struct {
		units []report.Unit
		until []string
		want  string
	}{
		"nothing": {[]report.Unit{root}, nil, ""},
		"a chain": {[]report.Unit{root, state("ns/a", "ns/root", f, "kustomize build failed"), state("ns/b", "ns/root", d, "dependency 'ns/a' is not ready", "ns/a"),
			state("ns/c", "ns/root", d, "dependency 'ns/b' is not ready", "ns/b")}, nil,
			"failed ns/a (kustomize build failed) < ns/b ns/c"},
		"down to a part": {[]report.Unit{state("ns/root", "", h, "Running health checks"), state("ns/a", "ns/root", f, "timeout waiting for: [HelmRelease/apps/x status: 'InProgress']"),
			state("helmrelease/apps/x", "ns/a", d, "dependency 'apps/y' is not ready", "helmrelease/apps/y"), state("helmrelease/apps/y", "ns/a", f, "stalled: no more retries"),
			state("helmrelease/apps/z", "ns/a", report.PhaseWorking, "")}, nil,
			"stalled helmrelease/apps/y (stalled: no more retries) < ns/root ns/a helmrelease/apps/x"},
		"stalled by itself": {[]report.Unit{root, state("ns/a", "ns/root", f, "stalled at [HelmRelease/apps/x status: 'InProgress']"), state("helmrelease/apps/x", "ns/a", f, "no")}, nil,
			"stalled ns/a (stalled at [HelmRelease/apps/x status: 'InProgress'])"},
		"a failure of its own": {[]report.Unit{root, state("ns/a", "ns/root", f, "kustomize build failed"), state("helmrelease/apps/x", "ns/a", f, "install failed")}, nil,
			"failed ns/a (kustomize build failed)"},
		"not created": {[]report.Unit{root, state("ns/a", "ns/root", absent, ""), state("ns/b", "ns/a", absent, ""), state("ns/c", "ns/root", f, "no"), state("ns/d", "ns/c", absent, "")}, nil,
			"failed ns/c (no) < ns/d; not created ns/a () < ns/b"},
		"a health check of its children": {[]report.Unit{state("ns/root", "", h, "Running health checks"), state("ns/a", "ns/root", absent, "")}, nil, "not created ns/a () < ns/root"},
		"suspended":                      {[]report.Unit{root, state("ns/a", "ns/root", report.PhaseSuspended, ""), state("ns/b", "ns/root", d, "dependency 'ns/a' is not ready", "ns/a")}, nil, "suspended ns/a () < ns/b"},
		"a suspended part":               {[]report.Unit{root, state("ns/a", "ns/root", h, ""), state("helmrelease/apps/x", "ns/a", report.PhaseSuspended, "")}, nil, "not done yet ns/a ()"},
		"a check of a suspended part": {[]report.Unit{root, state("ns/a", "ns/root", f, "timeout waiting for: [HelmRelease/apps/x status: 'InProgress']"), state("helmrelease/apps/x", "ns/a", report.PhaseSuspended, "")}, nil,
			"suspended helmrelease/apps/x () < ns/a"},
		"an unknown dependency": {[]report.Unit{root, state("ns/a", "ns/root", d, "dependency 'ns/gone' not found", "ns/gone")}, nil, "waits ns/a (dependency 'ns/gone' not found)"},
		"a circle": {[]report.Unit{root, state("ns/a", "ns/root", d, "'ns/b' is not ready", "ns/b"), state("ns/b", "ns/root", d, "'ns/a' is not ready", "ns/a")}, nil,
			"waits ns/b ('ns/a' is not ready) < ns/a; waits ns/a ('ns/b' is not ready) < ns/b"},
		"at work":     {[]report.Unit{root, state("ns/a", "ns/root", report.PhaseWorking, "")}, nil, "not done yet ns/a ()"},
		"two reasons": {[]report.Unit{state("ns/a", "", f, "no"), state("ns/b", "", report.PhaseSuspended, ""), state("ns/c", "", d, "", "ns/b", "ns/a")}, nil, "failed ns/a (no) < ns/c; suspended ns/b () < ns/c"},
		"a goal": {[]report.Unit{root, state("ns/a", "ns/root", f, "no"), state("ns/b", "ns/root", f, "nor this", "ns/a"), state("ns/c", "ns/root", d, "", "ns/b")}, []string{"ns/c", "ns/d"},
			"failed ns/b (nor this) < ns/c; not created ns/d (nothing in the tree has that name)"},
		"parts alone are not missing": {[]report.Unit{root, state("helmrelease/apps/x", "ns/root", f, "install failed")}, nil, ""},
		"a part is the goal":          {[]report.Unit{root, state("helmrelease/apps/x", "ns/root", f, "install failed")}, []string{"helmrelease/apps/x"}, "failed helmrelease/apps/x (install failed)"},
	} {
		r := &report.Report{Units: test.units, Until: test.until}
		var got []string
		for _, m := range r.Missing() {
			text := fmt.Sprintf("%s %s (%s)", m.Cause, m.Unit, m.Why)
			if len(m.Waiting) > 0 {
				text += " < " + strings.Join(m.Waiting, " ")
			}
			got = append(got, text)
		}
		if got := strings.Join(got, "; "); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, test.want)
		}
	}
}

func TestWhatIsMissingInWords(t *testing.T) {
	t.Parallel()
	const why = "Helm install failed for release longhorn-system/longhorn with chart longhorn@1.9.1: context deadline exceeded"
	const first = "stalled, so that Flux does not try again: helmrelease/longhorn-system/longhorn: " + why
	r := births.Late()
	if got := r.MissingText(); got != first+"\n  apps-data, infrastructure-instances, infrastructure-storage wait for it\n" {
		t.Error(got)
	}
	if got := r.MissingLine(); got != first+" (apps-data, infrastructure-instances, infrastructure-storage wait for it)" {
		t.Error(got)
	}
	r.Until = nil
	if got := r.MissingText(); got != first+"\n  apps-data, infrastructure-instances, infrastructure-storage, apps-later wait for it\n"+
		"suspended: infrastructure-networking\n  infrastructure-configs-networks waits for it\n" {
		t.Error(got)
	}
	for i := range 300 {
		r.Units = append(r.Units, state(fmt.Sprintf("flux-system/more-%d", i), "", report.PhaseDepends, "", "flux-system/infrastructure-storage"))
	}
	if got := r.MissingText(); !strings.Contains(got, " and 294 more wait for it\n") || len(r.MissingLine()) > 803 {
		t.Error(got, len(r.MissingLine()))
	}
	var out strings.Builder
	if err := births.Late().Table(&out); err != nil || !strings.Contains(out.String(), "\nMISSING\n"+first+"\n") {
		t.Error(out.String(), err)
	}
}
