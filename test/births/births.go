// Package births has reports made by hand, in the shape of real births, for tests of what is made of a report.
package births

import (
	"fmt"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// Start is when every machine here started.
var Start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// At is that many seconds after Start.
func At(seconds float64) time.Time {
	return Start.Add(time.Duration(seconds * float64(time.Second)))
}

const namespace = "flux-system/"

// step is one step that went well.
func step(name string, at, took float64, detail string) report.Step {
	return report.Step{Name: name, Start: At(at), Took: time.Duration(took * float64(time.Second)), State: report.Done, Detail: detail}
}

// life is a unit that goes through phases, and what it says in each: at, phase, at, phase and so on.
func life(name, by string, needs []string, phases ...any) report.Unit {
	u := report.Unit{Name: namespace + name, Detail: "main@sha1:38c9b352a7c1f4e0d9b86a5512c77de0a3b4c9f1"}
	if by != "" {
		u.By = namespace + by
	}
	for _, need := range needs {
		u.Needs = append(u.Needs, namespace+need)
	}
	for i := 0; i+1 < len(phases); i += 2 {
		var seconds float64
		switch at := phases[i].(type) {
		case int:
			seconds = float64(at)
		case float64:
			seconds = at
		}
		phase, _ := phases[i+1].(report.Phase)
		s := report.Span{Phase: phase, Start: At(seconds)}
		switch phase {
		case report.PhaseDepends:
			if len(needs) == 0 {
				continue // nothing to wait for
			}
			s.Why = fmt.Sprintf("dependency '%s%s' is not ready", namespace, needs[0])
		case report.PhaseHealth:
			s.Why = "Reconciliation in progress"
		case report.PhaseReady:
			u.Ready, u.At = true, s.Start
		}
		u.Spans = append(u.Spans, s)
	}
	return u
}

// works is a unit that brings a workload.
func works(u report.Unit) report.Unit {
	u.Workload = true
	return u
}

// steps are those of the castle.
func steps() []report.Step {
	return []report.Step{
		step("claim Secret flux-system/flux-system", 11.20, 0.06, "from ClusterSecretStore tazlab-secrets"),
		step("fetch GitRepository flux-system", 11.25, 0.83, "main@sha1:38c9b352a7c1f4e0d9b86a5512c77de0a3b4c9f1"),
		step("build the tree", 12.09, 0.36, "19 objects in the root, 40 in units"),
		step("claim Secret flux-system/registry-ca", 12.45, 0.01, "from ClusterSecretStore tazlab-secrets"),
		step("fetch OCIRepository flux-manifests", 12.46, 0.01, "v2.9.5@sha256:560e7359"),
		step("build Kustomization flux", 12.48, 0.27, "32 objects"),
		step("apply Kustomization flux", 12.75, 1.50, "31 created, 1 configured"),
		step("apply the root sync", 14.25, 0.26, "4 created"),
	}
}

// Castle is a birth of clusters/castle with stock waiting for dependencies: every 2 s.
func Castle() *report.Report {
	const root, names = "flux-system", "infrastructure-operators-namespaces"
	q, w, h, d, ready := report.PhaseQueued, report.PhaseWorking, report.PhaseHealth, report.PhaseDepends, report.PhaseReady
	chain := func(name string, needs []string, at ...any) report.Unit { return life(name, root, needs, at...) }
	data := chain("apps-data", []string{names}, 21.83, d, 25.87, w, 26.16, ready)
	data.Workload, data.Unchecked = true, true
	return &report.Report{
		Machine: Start, APIServer: At(4), Seed: At(11.10), Revision: "main@sha1:38c9b352a7c1f4e0d9b86a5512c77de0a3b4c9f1",
		Steps:      append(steps(), step(report.FollowStep, 14.52, 41.44, "15 Kustomizations")),
		PeakMemory: 69_300_000, Saved: At(56),
		Units: []report.Unit{
			life(root, "", nil, 14.52, q, 19.9, report.PhaseSource, 20.9, w, 21.82, ready),
			data,
			works(chain("apps-static", nil, 21.83, w, 24.4, h, 29.46, ready)),
			life("flux", root, nil, 14.52, q, 20.1, report.PhaseSource, 25.3, w, 27.3, h, 32.37, ready),
			chain("infrastructure-configs", []string{"infrastructure-operators-eso-crds"}, 21.84, d, 33.9, w, 34.3, h, 44.37, ready),
			chain("infrastructure-configs-issuers", []string{"infrastructure-operators-core"}, 21.84, d, 34.1, w, 34.36, ready),
			chain("infrastructure-configs-networks", []string{"infrastructure-networking"}, 21.84, d, 33.9, w, 34.12, ready),
			works(chain("infrastructure-instances", []string{"infrastructure-operators-data", "infrastructure-storage", "infrastructure-configs"}, 21.85, d, 45.6, w, 45.9, h, 55.96, ready)),
			works(chain("infrastructure-networking", []string{names}, 21.85, d, 25.9, w, 27.6, h, 32.69, ready)),
			works(chain("infrastructure-operators-core", []string{names}, 21.85, d, 25.9, w, 27.5, h, 32.59, ready)),
			works(chain("infrastructure-operators-data", []string{names}, 21.86, d, 26.0, w, 29.2, h, 34.25, ready)),
			works(chain("infrastructure-operators-eso", []string{"infrastructure-operators-eso-crds"}, 21.86, d, 33.9, w, 34.4, h, 44.50, ready)),
			chain("infrastructure-operators-eso-crds", nil, 21.86, report.PhaseSource, 23.1, w, 27.4, h, 32.44, ready),
			chain(names, nil, 21.86, w, 23.53, ready),
			works(chain("infrastructure-storage", []string{names}, 21.86, d, 25.9, w, 26.3, h, 31.35, ready)),
		},
	}
}

// Later is r as if each moment after the machine's start had come so many times as late.
func Later(r *report.Report, times float64) *report.Report {
	later := func(at *time.Time) {
		if !at.IsZero() {
			*at = Start.Add(time.Duration(float64(at.Sub(Start)) * times))
		}
	}
	for _, at := range []*time.Time{&r.APIServer, &r.Seed, &r.Saved} {
		later(at)
	}
	for i := range r.Steps {
		later(&r.Steps[i].Start)
		r.Steps[i].Took = time.Duration(float64(r.Steps[i].Took) * times)
	}
	for i := range r.Units {
		later(&r.Units[i].At)
		for j := range r.Units[i].Spans {
			later(&r.Units[i].Spans[j].Start)
		}
	}
	return r
}

// Old is a report as it was before there were spans.
func Old() *report.Report {
	r := Castle()
	r.Saved = time.Time{}
	for i, u := range r.Units {
		r.Units[i] = report.Unit{Name: u.Name, Ready: u.Ready, At: u.At, Detail: u.Detail}
	}
	return r
}

// Live is a running cluster an hour after its birth.
func Live() *report.Report {
	r := &report.Report{Live: true, Saved: At(3600)}
	r.Units = []report.Unit{
		life("flux-system", "", nil, 20, report.PhaseUnknown, 3520, report.PhaseReady),
		works(life("apps", "flux-system", []string{"flux-system"}, 30, report.PhaseUnknown, 3530, report.PhaseDepends)),
	}
	return r
}

// Tiny is the least that a birth can be.
func Tiny() *report.Report {
	return &report.Report{
		Machine: Start, APIServer: At(2), Seed: At(3.1), Revision: "main@sha1:1", Saved: At(9),
		Steps: []report.Step{step("fetch GitRepository flux-system", 3.2, 0.3, "main@sha1:1"), step("apply the root sync", 3.6, 0.2, "2 created")},
		Units: []report.Unit{works(life("flux-system", "", nil, 3.9, report.PhaseQueued, 6, report.PhaseWorking, 7.2, report.PhaseReady))},
	}
}

// Blocked is a birth that cannot go on: the vault refuses, then Git does, and at last a database does not come.
func Blocked() *report.Report {
	r := &report.Report{Machine: Start, APIServer: At(4), Seed: At(9), Revision: "main@sha1:2", Dropped: 12, Saved: At(600)}
	at := 9.5
	for try := range 9 {
		s := step("claim Secret flux-system/flux-system", at, 0.2, "the vault https://vault.example.com refused the login of ClusterSecretStore tazlab-secrets with 401: <b>wrong & \"stale\"</b> identity: write a new one into Secret seed-system/infisical-identity")
		s.State = report.Blocked
		r.Steps = append(r.Steps, s)
		at += float64(5 * (try + 1))
	}
	failed := step("fetch GitRepository flux-system", at, 3, "https://git.example.com/tree: connection refused")
	failed.State = report.Failed
	r.Steps = append(r.Steps, step("claim Secret flux-system/flux-system", at-0.1, 0.1, ""), failed, step("apply the root sync", at+20, 1, "4 created"))
	from := at + 21
	r.See(report.Unit{Name: namespace + "flux-system"}, report.PhaseQueued, "", At(from))
	const why = "health check failed after 2m0s: timeout waiting for: [PostgresCluster/tazlab-db/tazlab-db status: 'InProgress']"
	database := report.Unit{Name: namespace + "infrastructure-instances", By: namespace + "flux-system", Workload: true, Detail: why}
	for try := range 100 {
		t := from + 5 + 3*float64(try)
		r.See(database, report.PhaseWorking, "", At(t))
		r.See(database, report.PhaseHealth, "", At(t+0.5))
		r.See(database, report.PhaseFailed, why, At(t+2))
	}
	r.Units[0] = life("flux-system", "", nil, from, report.PhaseQueued, from+3, report.PhaseWorking, from+5, report.PhaseReady)
	r.Units = append(r.Units, life("apps-data", "flux-system", []string{"infrastructure-instances"}, from+5, report.PhaseDepends),
		life("apps-later", "apps-data", nil, from+5, report.PhaseAbsent))
	r.Units[2].Detail, r.Units[3].Detail = r.Units[2].Spans[0].Why, "not in the cluster yet"
	return r
}

// Large has 60 units: ten roots of chains of five, all below one root.
func Large() *report.Report {
	r := &report.Report{Machine: Start, APIServer: At(4), Seed: At(9), Revision: "main@sha1:3", Steps: steps(), Saved: At(200)}
	r.Units = append(r.Units, life("flux-system", "", nil, 14.5, report.PhaseQueued, 20, report.PhaseWorking, 21, report.PhaseReady))
	for chain := range 10 {
		var needs []string
		for link := range 6 {
			if len(r.Units) == 60 {
				break
			}
			name := fmt.Sprintf("a-unit-with-a-rather-long-name-%d-%d", chain, link)
			from := 21 + float64(chain)/2 + float64(link)*(10+float64(chain))
			u := life(name, "flux-system", needs, 21.1, report.PhaseDepends, from, report.PhaseWorking, from+1, report.PhaseHealth, from+6+float64(chain)/3, report.PhaseReady)
			u.Workload = link == 5
			r.Units = append(r.Units, u)
			needs = []string{name}
		}
	}
	return r
}
