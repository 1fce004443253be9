package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// A following counts what it saw. What stood before has neither a moment nor a length, and nobody planted anything.
func TestFollowingOfATreeThatLived(t *testing.T) {
	t.Parallel()
	// What is recorded counts in milliseconds, the beginning does not.
	r := &report.Report{Seed: births.Start.Add(400 * time.Microsecond), Saved: births.At(20)}
	const root, infra = "flux-system/flux-system", "flux-system/infrastructure"
	r.See(report.Unit{Name: root, Ready: true, At: births.At(-3600)}, report.PhaseReady, "", r.Seed)
	r.See(report.Unit{Name: "flux-system/web", By: root, Workload: true, Ready: true, At: births.At(-3500)}, report.PhaseReady, "", r.Seed)
	r.See(report.Unit{Name: infra, By: root}, report.PhaseWorking, "", births.At(0.1))
	r.See(report.Unit{Name: infra, By: root, Ready: true, At: births.At(17.6)}, report.PhaseReady, "", births.At(17.6))
	apps := report.Unit{Name: "flux-system/apps", By: root, Needs: []string{infra}, Workload: true}
	r.See(apps, report.PhaseDepends, "dependency 'flux-system/infrastructure' is not ready", births.At(0.1))
	r.See(apps, report.PhaseWorking, "", births.At(17.7))
	apps.Ready, apps.At = true, births.At(18)
	r.See(apps, report.PhaseReady, "", births.At(18))
	const want = `
AT      MOMENT            DETAIL
before  first app online  
18.00s  everything        4 units
`
	var out strings.Builder
	if err := r.Table(&out); err != nil || !strings.Contains(out.String(), want) {
		t.Errorf("%v: the table is\n%s\nwant in it%s", err, out.String(), want)
	}
	var path []string
	for _, leg := range r.CriticalPath() {
		path = append(path, r.Short(leg.Name))
	}
	if got := strings.Join(path, ", "); got != "infrastructure, apps" {
		t.Errorf("the path is %s", got)
	}
	if _, text, _ := strings.Cut(out.String(), "WAITED FOR"); !strings.Contains(text, "before  web   not recorded\n") {
		t.Errorf("the apps are\n%s", text)
	}

	// Where the root itself was not Ready the path begins with it: what was before is no work of seed's.
	fresh := &report.Report{Seed: births.Start}
	fresh.See(report.Unit{Name: root}, report.PhaseWorking, "", births.At(0.1))
	fresh.See(report.Unit{Name: root, Ready: true, At: births.At(3)}, report.PhaseReady, "", births.At(3))
	if legs := fresh.CriticalPath(); len(legs) != 1 || legs[0].Name != root || !legs[0].From.Equal(births.At(0.1)) {
		t.Errorf("the path is %+v", legs)
	}

	// A goal that stood already ends it at once, with nothing to tell of how it came.
	r.Until = []string{"flux-system/web"}
	out.Reset()
	if err := r.Table(&out); err != nil || !strings.Contains(out.String(), "before  goal              web\n") || strings.Contains(out.String(), "CRITICAL PATH") || strings.Contains(out.String(), "SLOWEST") || strings.Contains(out.String(), "WAITED FOR") {
		t.Errorf("%v: the table is\n%s", err, out.String())
	}
}
