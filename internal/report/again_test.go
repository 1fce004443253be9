package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// lived is a unit that was in phases, from moments on: phase, seconds, phase, seconds.
func lived(name string, needs []string, spans ...any) report.Unit {
	u := report.Unit{Name: name, Needs: needs}
	for i := 0; i+1 < len(spans); i += 2 {
		phase, _ := spans[i].(report.Phase)
		at, _ := spans[i+1].(float64)
		u.Spans = append(u.Spans, report.Span{Phase: phase, Start: births.At(at)})
		if u.Ready = phase == report.PhaseReady; u.Ready {
			u.At = births.At(at)
		}
	}
	return u
}

// A dependency decides when it was Ready while it was waited for: not earlier, and not later.
func TestADependencyThatIsReadyTwice(t *testing.T) {
	t.Parallel()
	const w, h, d, ready, failed = report.PhaseWorking, report.PhaseHealth, report.PhaseDepends, report.PhaseReady, report.PhaseFailed
	a := []string{"ns/a"}
	for name, test := range map[string]struct {
		units       []report.Unit
		path, waits string
	}{
		"again while the other works": {
			[]report.Unit{lived("ns/a", nil, w, 10.0, ready, 20.0, w, 30.0, ready, 31.0), lived("ns/b", a, d, 10.0, w, 20.3, h, 21.0, ready, 40.0)},
			"seed plants Flux 10s, a 10s, b 20s (300ms)", "10.00s for a, 0.30s for Flux to look again"},
		"again while Flux writes the other's result": {
			[]report.Unit{lived("ns/a", nil, w, 10.0, ready, 20.0, w, 38.0, ready, 39.0), lived("ns/b", a, d, 10.0, w, 20.3, report.PhaseQueued, 38.5, ready, 40.0)},
			"seed plants Flux 10s, a 10s, b 20s (1.8s)", "10.00s for a, 1.50s for Flux to look at it, 0.30s for Flux to look again"},
		"again before the other is looked at": {
			[]report.Unit{lived("ns/a", nil, w, 10.0, ready, 20.0, w, 30.0, ready, 31.0), lived("ns/b", a, d, 10.0, w, 32.0, ready, 33.0)},
			"seed plants Flux 10s, a 10s, b 10s (10s), a 1s, b 2s (1s)", "21.00s for a, 1.00s for Flux to look again"},
		"at it again when the other begins": {
			[]report.Unit{lived("ns/a", nil, w, 10.0, ready, 20.0, w, 20.2, ready, 21.0), lived("ns/b", a, d, 10.0, w, 20.3, ready, 40.0)},
			"seed plants Flux 10s, a 10s, b 20s (300ms)", "10.00s for a, 0.30s for Flux to look again"},
		"Flux goes on without it": {
			[]report.Unit{lived("ns/a", nil, w, 10.0, ready, 30.0), lived("ns/b", a, d, 10.0, w, 20.0, ready, 40.0)},
			"seed plants Flux 10s, a 10s, b 20s", "10.00s for a"},
		"failed, and tried again": {
			[]report.Unit{lived("ns/a", nil, w, 10.0, ready, 20.0, w, 30.0, ready, 31.0), lived("ns/b", a, d, 10.0, w, 20.3, failed, 25.0, w, 55.0, ready, 60.0)},
			"seed plants Flux 10s, a 10s, b 40s (30.3s)", "30.00s for the next try, 10.00s for a, 0.30s for Flux to look again"},
		"there before the other is looked at": {
			[]report.Unit{lived("ns/a", nil, w, 10.0, ready, 20.0), lived("ns/b", a, report.PhaseQueued, 10.0, w, 22.0, ready, 30.0)},
			"seed plants Flux 10s, a 10s, b 10s (2s)", "12.00s for Flux to look at it"},
		"a circle": {
			[]report.Unit{lived("ns/a", []string{"ns/a", "ns/b"}, d, 10.0, w, 20.0, ready, 30.0), lived("ns/b", []string{"ns/b", "ns/a"}, d, 10.0, w, 20.0, ready, 31.0)},
			"seed plants Flux 20s, b 11s", "10.00s for b"},
	} {
		r := &report.Report{Machine: births.Start, Units: test.units}
		if got := path(r); got != test.path {
			t.Errorf("%s: the path is %s\nwant %s", name, got, test.path)
		}
		if got := r.Waited(&r.Units[1]); got != test.waits {
			t.Errorf("%s: it waited %s\nwant %s", name, got, test.waits)
		}
	}
}

// Of several the one counts that was missing, not one that Flux looks at again in between.
func TestWhichDependencyCounts(t *testing.T) {
	t.Parallel()
	const w, d, ready = report.PhaseWorking, report.PhaseDepends, report.PhaseReady
	c, needs := lived("ns/c", nil, w, 1.0, ready, 5.0, w, 20.2, ready, 21.0), []string{"ns/c", "ns/a"}
	r := &report.Report{Machine: births.Start, Units: []report.Unit{c, lived("ns/b", needs, d, 10.0, w, 20.3, ready, 40.0), lived("ns/a", nil, w, 10.0, ready, 20.0)}}
	if got := path(r) + "; " + r.Waited(&r.Units[1]); got != "seed plants Flux 10s, a 10s, b 20s (300ms); 10.00s for a, 0.30s for Flux to look again" {
		t.Error(got)
	}
	r.Units[0] = lived("ns/c", nil, w, 1.0, ready, 5.0, report.PhaseSuspended, 8.0) // which takes Ready from nobody
	r.Units[2] = report.Unit{Name: "ns/a", Ready: true, At: births.At(20)}          // its changes are left out to save space
	if got := path(r) + "; " + r.Waited(&r.Units[1]); got != "a 20s, b 20s (300ms); 10.00s for a, 0.30s for Flux to look again" {
		t.Error(got)
	}
	r.Units[1].Spans = nil
	if got := path(r); got != "a 20s, b 20s" {
		t.Error(got)
	}
	// One that is Ready no more is waited for to this moment.
	c = lived("ns/c", nil, w, 1.0, ready, 5.0, w, 15.0)
	r = &report.Report{Machine: births.Start, Saved: births.At(18), Units: []report.Unit{c, lived("ns/b", needs, d, 10.0), lived("ns/a", nil, w, 10.0, ready, 12.0)}}
	if got := r.Waited(&r.Units[1]); got != "8.00s for c" {
		t.Error(got)
	}
	r = births.AsOf(births.Fixed(), births.At(80))
	if got := r.Waited(&r.Units[1]); r.Units[1].Name != "flux-system/apps" || got != "18.00s for infrastructure" {
		t.Errorf("%s waited %s", r.Units[1].Name, got)
	}
	// Before what is reconciled again comes what had failed, not what waits for it.
	r = births.Fixed()
	r.Units[3] = lived("flux-system/infrastructure", nil, ready, 0.0, w, 62.5, ready, 93.0)
	if got := path(r); got != "monitoring 1m2.5s (1m2s), infrastructure 30.5s, apps 1s (500ms)" {
		t.Error(got)
	}
	// What the goal does not name, and parts, keep nothing from standing.
	r.Until = []string{"flux-system/apps", "flux-system/infrastructure"}
	if got := path(r); got != "apps 500ms (500ms), infrastructure 30.5s, apps 1s (500ms)" {
		t.Error(got)
	}
	r = births.Long()
	part := lived("helmrelease/db/db", nil, w, 21.5, ready, 300.5)
	part.Part, part.By = true, "flux-system/database"
	r.Units = append(r.Units, part)
	if got := path(r); !strings.HasSuffix(got, "database 4m38.6s, apps-static 1.2s") {
		t.Error(got)
	}
}

// Table, path, waits and the slowest say the same of a cluster in which all was Ready before.
func TestTheTableOfAFollow(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := births.Fixed().Table(&out); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	const path = "AT TOOK WAITING CRITICAL PATH\n0.00s 62.00s 62.00s monitoring\n62.00s 0.30s namespaces\n62.30s 30.70s 0.20s infrastructure\n93.00s 1.00s 0.50s apps\n"
	const slowest = "AT TOOK WAITING SLOWEST\n0.00s 63.00s 62.00s monitoring\n62.30s 30.70s 0.20s infrastructure\n93.00s 1.00s 0.50s apps\n61.90s 0.50s flux-system\n62.00s 0.30s namespaces\n"
	const apps = "AT APP WAITED FOR\n94.00s apps 31.00s for infrastructure, 0.50s for Flux to look again\n" +
		"63.00s monitoring 62.00s for the next try (kustomize build failed: accumulating resources: open monitoring/rules.yaml: no such file or director...)"
	got := strings.Join(lines, "\n")
	for _, want := range []string{path, slowest, apps} {
		if !strings.Contains(got, want) {
			t.Errorf("the table is\n%s\nit lacks\n%s", got, want)
		}
	}
}

// Until a try that has failed is repeated nobody works. Who has given up waits for somebody.
func TestTheNextTryIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := births.Late()
	looked := 0
	for name, want := range map[string]string{
		"helmrelease/longhorn-system/longhorn": "33.70s for somebody to change it",
		"flux-system/infrastructure-storage": "33.60s for the next try (health check failed after 1m0s: timeout waiting for: [HelmRelease/longhorn-system/longhorn status: '...), " +
			"2.37s for Flux to look again, 1.67s for infrastructure-operators-namespaces",
	} {
		for i := range r.Units {
			u := &r.Units[i]
			if u.Name != name {
				continue
			}
			looked++
			if got := r.Waited(u); got != want {
				t.Errorf("%s waited %s\nwant %s", name, got, want)
			}
		}
	}
	twice := &report.Report{Units: []report.Unit{lived("ns/a", nil, report.PhaseFailed, 1.0, report.PhaseWorking, 11.0, report.PhaseFailed, 12.0, report.PhaseReady, 13.0)}}
	twice.Units[0].Spans[0].Why, twice.Units[0].Spans[2].Why = "one", "another"
	if got := twice.Waited(&twice.Units[0]); got != "11.00s for the next try (another)" {
		t.Error(got)
	}
	leg := births.Mended().Slowest(1)[0]
	if got := fmt.Sprint(leg.Name, " ", leg.Took(), " ", leg.Waited); looked != 2 || got != "flux-system/web 2m59.8s 2m49.5s" {
		t.Errorf("looked at %d units, the slowest is %s", looked, got)
	}
}

// What kept a tree from standing may be no part of it any more, or be suspended.
func TestThePathAfterSomethingThatIsGone(t *testing.T) {
	t.Parallel()
	gone := births.Long()
	gone.Order([]string{"flux-system/flux-system", "flux-system/apps-static"})
	if got := path(gone); got != "machine and API server 4s, start of seed 5s, seed plants Flux 5s, apps-static 1.2s" {
		t.Error(got)
	}
	paused := births.Long()
	paused.Units[2] = lived("flux-system/database", nil, report.PhaseWorking, 21.2, report.PhaseFailed, 60.0, report.PhaseSuspended, 300.5)
	paused.Units[2].By = "flux-system/flux-system"
	if got := path(paused); !strings.HasSuffix(got, "flux-system 7.2s (6s), database 4m38.6s (3m59.8s), apps-static 1.2s") {
		t.Error(got)
	}
}

// What begins by itself, or is Ready at once, has nothing before it that it did not have.
func TestWhereThePathBegins(t *testing.T) {
	t.Parallel()
	const w, ready, suspended = report.PhaseWorking, report.PhaseReady, report.PhaseSuspended
	follow := &report.Report{Seed: births.Start, Units: []report.Unit{lived("ns/old", nil, ready, 0.0), lived("ns/new", nil, w, 50.0, ready, 60.0)}}
	if got := path(follow); got != "new 10s" {
		t.Errorf("a follow: %s", got)
	}
	quick := &report.Report{Machine: births.Start, Units: []report.Unit{lived("ns/root", nil, w, 10.0, ready, 20.0), lived("ns/quick", nil, ready, 25.0)}}
	quick.Units[1].By, quick.Units[1].At = "ns/root", births.At(25).Add(400*time.Microsecond)
	if got := path(quick); got != "seed plants Flux 10s, root 15s" {
		t.Errorf("Ready at once: %s", got)
	}
	r := births.Long()
	r.Units = append(r.Units, lived("flux-system/paused", nil, suspended, 21.0), lived("flux-system/resumed", nil, suspended, 21.0, w, 299.9, ready, 300.9))
	if got := path(r); !strings.HasSuffix(got, "flux-system 7.2s (6s), database 4m38.6s, apps-static 1.2s") {
		t.Errorf("what is suspended keeps nothing from standing: %s", got)
	}
	const absent, failed = report.PhaseAbsent, report.PhaseFailed
	for want, units := range map[string][]report.Unit{
		"seed plants Flux 10s, root 12s, child 8s": {lived("ns/root", nil, w, 10.0, ready, 21.0), lived("ns/child", nil, absent, 10.0, w, 22.0, ready, 30.0)},
		// One that is not created waits for who brings it.
		"seed plants Flux 1s, root 29s (28.9s), other 1s": {
			lived("ns/root", nil, failed, 1.0, w, 29.9, ready, 30.5), lived("ns/child", nil, absent, 2.0, w, 30.6, ready, 30.9), lived("ns/other", nil, ready, 5.0, w, 30.0, ready, 31.0)},
		// Who was Ready all the time has nothing to do with what another one brought, or somebody's hand.
		"child 10s": {lived("ns/middle", nil, ready, 5.0), lived("ns/child", nil, w, 50.0, ready, 60.0), lived("ns/root", nil, w, 1.0, ready, 2.0, w, 40.0, ready, 41.0)},
	} {
		units[0].By, units[1].By = "ns/root", units[0].Name
		if got := path(&report.Report{Machine: births.Start, Units: units}); got != want {
			t.Errorf("the path is %s\nwant %s", got, want)
		}
	}
}

// A part that the goal names goes on the path with what it needs, though its controller calls the waiting a failure.
func TestThePathToAPart(t *testing.T) {
	t.Parallel()
	r := births.Nudged()
	r.Until = []string{"externalsecret/tazlab-db/s3-backup"}
	const want = "flux-system 7.34s (6.38s), infrastructure-operators-eso-crds 10.58s (1.24s), infrastructure-configs 360ms (60ms), " +
		"clustersecretstore/tazlab-secrets 4.4s (4.2s), externalsecret/tazlab-db/s3-backup 400ms (400ms)"
	if got := path(r); !strings.HasSuffix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	const w, ready, chart, release = report.PhaseWorking, report.PhaseReady, "ocirepository/ns/a", "helmrelease/ns/b"
	r = &report.Report{Machine: births.Start, Until: []string{release}, Units: []report.Unit{
		lived(release, []string{chart}, w, 10.0, report.PhaseSource, 10.2, w, 20.5, ready, 30.0), lived(chart, nil, w, 10.0, ready, 20.0),
	}}
	r.Units[0].Part, r.Units[1].Part = true, true
	if got := path(r); got != "seed plants Flux 10s, "+chart+" 10s, "+release+" 10s (500ms)" {
		t.Error(got)
	}
}
