package view_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/view"
	"github.com/tazlab/seed/test/births"
)

func TestLinesOfABirth(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	v := view.New(&out, false, nil)
	last := replay(t, v, births.Tiny(), births.At(9))
	for range 2 {
		if err := v.Close(last, births.At(9)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, strings.TrimRight(out.String(), "\n"), `
     3.5s  fetch GitRepository flux-system: done in 0.30s: main@sha1:1
     3.8s  apply the root sync: done in 0.20s: 2 created
     3.9s  flux-system: waits for Flux to look at it
     6.0s  flux-system: being applied
     7.2s  flux-system: Ready, waited 2.1s for Flux to look at it
     7.2s  first app online: flux-system
     7.2s  everything stands: 1 of 1 Ready
     9.0s  at the end: 1 of 1 Ready`[1:])
}

// Each change is one line, however often it is drawn; a failure has its message, in full, and again only with a new one.
func TestLinesOfAFollow(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	v := view.New(&out, false, nil)
	r := parts()
	draw := func(at float64) {
		for i := range 3 {
			if err := v.Draw(r, births.At(at+float64(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	draw(34)
	long := strings.Repeat("a long message ", 20) + "names its cause at the end"
	const infra = "flux-system/infrastructure"
	r.See(report.Unit{Name: infra, By: "flux-system/flux-system", Detail: "main@sha1:1 " + long}, report.PhaseFailed, long, births.At(50))
	draw(50)
	r.See(report.Unit{Name: infra}, report.PhaseFailed, "another message", births.At(60))
	r.Nudges["dependency ready"]++
	draw(60)
	r.See(report.Unit{Name: infra}, report.PhaseWorking, "Reconciliation in progress", births.At(70))
	r.See(report.Unit{Name: infra}, report.PhaseQueued, "its newest generation is not reconciled yet", births.At(70.15))
	r.See(report.Unit{Name: infra, Ready: true, At: births.At(70.2)}, report.PhaseReady, "", births.At(70.2))
	r.Order([]string{"flux-system/flux-system", "flux-system/apps", infra, "helmrelease/db/postgres", "externalsecret/db/login"})
	draw(70.2)
	if err := v.Close(r, births.At(80)); err != nil {
		t.Fatal(err)
	}
	expect(t, strings.TrimRight(out.String(), "\n"), `
    34.0s  2 are Ready already
     2.0s  apps: waits for infrastructure (not healthy yet), apps-later (suspended)
     2.0s  apps-later: suspended: Flux leaves it alone until somebody resumes it
     3.0s  infrastructure: applied, not healthy yet
    33.0s  helmrelease/db/postgres: failed: Helm install failed for release db/postgres: context deadline exceeded
    34.0s  asked Flux to look again: 3 for dependency ready, 1 for store valid
    50.0s  infrastructure: failed: `[1:]+long+`
    60.0s  infrastructure: failed: another message
    60.0s  asked Flux to look again: 4 for dependency ready, 1 for store valid
    70.0s  infrastructure: being applied
    70.2s  infrastructure: Ready, waited 20.0s for the next try (another message)
    70.2s  apps-later: no part of the tree any more
    80.0s  at the end: 2 of 3 Ready, 1 of 2 parts, 1 failed, until Ready: apps`)
}

// Of a unit that fails for ever each try is told, though the report keeps only some of them.
func TestLinesOfManyTries(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	v := view.New(&out, false, nil)
	r := &report.Report{Seed: births.Start}
	for try := range 50 {
		for i, phase := range []report.Phase{report.PhaseWorking, report.PhaseFailed} {
			r.See(report.Unit{Name: "flux-system/a"}, phase, fmt.Sprint("try ", try), births.At(float64(2*try+i)))
			if err := v.Draw(r, births.At(float64(2*try+i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 100 || lines[99] != "    99.0s  a: failed: try 49" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// Where nobody drew for a long time what the report has kept is told.
func TestLinesAfterALongPause(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	v := view.New(&out, false, nil)
	r := &report.Report{Seed: births.Start}
	for try := range 50 {
		for i, phase := range []report.Phase{report.PhaseWorking, report.PhaseFailed} {
			r.See(report.Unit{Name: "flux-system/a"}, phase, fmt.Sprint("try ", try), births.At(float64(2*try+i)))
			if try == 10 {
				_ = v.Draw(r, births.At(float64(2*try+i)))
			}
		}
	}
	if err := v.Draw(r, births.At(100)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2+11 || lines[1] != "    21.0s  a: failed: try 10" || lines[2] != "    89.0s  a: failed: try 44" || lines[12] != "    99.0s  a: failed: try 49" {
		t.Error(out.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWritingFails(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{true, false} {
		v := view.New(broken{}, terminal, func() (int, int) { return 80, 24 })
		if err := v.Draw(births.Tiny(), births.At(9)); err == nil {
			t.Error("Draw tells of no error")
		}
		if err := v.Close(births.Tiny(), births.At(10)); err == nil {
			t.Error("Close tells of no error")
		}
	}
}
