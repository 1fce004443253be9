package view_test

import (
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// parts is a follow of a running cluster: with parts, a suspended unit, failures and nudges.
func parts() *report.Report {
	const root, infra, apps, later = "flux-system/flux-system", "flux-system/infrastructure", "flux-system/apps", "flux-system/apps-later"
	r := &report.Report{Until: []string{apps}, Nudges: map[string]int{"dependency ready": 3, "store valid": 1}}
	see := func(u report.Unit, phase report.Phase, why string, at float64) {
		if u.Ready = phase == report.PhaseReady; u.Ready {
			u.At = births.At(at)
		}
		r.See(u, phase, why, births.At(at))
	}
	see(report.Unit{Name: root, By: root}, report.PhaseWorking, "Reconciliation in progress", 0)
	see(report.Unit{Name: root, By: root}, report.PhaseReady, "", 2)
	see(report.Unit{Name: apps, By: root, Needs: []string{infra, later}, Workload: true}, report.PhaseDepends, "", 2)
	see(report.Unit{Name: later, By: infra}, report.PhaseSuspended, "", 2)
	see(report.Unit{Name: infra, By: root}, report.PhaseWorking, "Reconciliation in progress", 2)
	see(report.Unit{Name: infra, By: root}, report.PhaseHealth, "Reconciliation in progress", 3)
	see(report.Unit{Name: "externalsecret/db/login", By: infra, Part: true}, report.PhaseWorking, "", 3)
	see(report.Unit{Name: "externalsecret/db/login", By: infra, Part: true}, report.PhaseReady, "", 4)
	release := report.Unit{Name: "helmrelease/db/postgres", By: infra, Part: true}
	see(release, report.PhaseWorking, "Running 'install' action with timeout of 5m0s", 3)
	see(release, report.PhaseFailed, "Helm install failed for release db/postgres: context deadline exceeded", 33)
	return r
}

// screens are what a person sees at a moment of a birth, on a terminal of that size.
var screens = map[string]struct {
	birth         func() *report.Report
	at            float64
	columns, rows int
	closed        bool
	want          string
}{
	"seed's own work": {births.Castle, 12.5, 80, 24, false, `
13s: no unit yet
✓ claim Secret flux-system/flux-system  done in 0.06s: from ClusterSecretStore …
✓ fetch GitRepository flux-system       done in 0.83s: main@sha1:38c9b352a7c1f4…
✓ build the tree                        done in 0.36s: 19 objects in the root, …
✓ claim Secret flux-system/registry-ca  done in 0.01s: from ClusterSecretStore …
✓ fetch OCIRepository flux-manifests    done in 0.01s: v2.9.5@sha256:560e7359`},
	"seed's own work, small": {births.Castle, 12.8, 40, 5, false, `
13s: no unit yet
✓ 3 more done
✓ claim Secr…gistry-ca  done in 0.01s: …
✓ fetch OCIR…manifests  done in 0.01s: …
✓ build Kust…tion flux  done in 0.27s: …`},
	"Flux begins": {births.Castle, 25.3, 80, 24, false, `
25s: 2 of 15 Ready
✓ flux-system                               Ready 21.8s, waited 5.4s for Flux t…
○   apps-data                           3s  Flux to look at its dependencies ag…
●   apps-static                         0s  applied, not healthy yet
●   flux                                0s  being applied
○   infrastructure-configs              3s  infrastructure-operators-eso-crds (…
○   infrastructure-configs-issuers      3s  infrastructure-operators-core (wait…
○   infrastructure-configs-networks     3s  infrastructure-networking (waits it…
○   infrastructure-instances            3s  infrastructure-operators-data (wait…
○   infrastructure-networking           3s  Flux to look at its dependencies ag…
○   infrastructure-operators-core       3s  Flux to look at its dependencies ag…
○   infrastructure-operators-data       3s  Flux to look at its dependencies ag…
○   infrastructure-operators-eso        3s  infrastructure-operators-eso-crds (…
●   infrastructure-operators-eso-crds   2s  being applied
✓   infrastructure-operators-namespaces     Ready 23.5s
○   infrastructure-storage              3s  Flux to look at its dependencies ag…`},
	"wide": {births.Castle, 25.3, 200, 24, false, `
25s: 2 of 15 Ready
✓ flux-system                               Ready 21.8s, waited 5.4s for Flux to look at it, 1.0s for its source
○   apps-data                           3s  waits for Flux to look at its dependencies again
●   apps-static                         0s  applied, not healthy yet
●   flux                                0s  being applied
○   infrastructure-configs              3s  waits for infrastructure-operators-eso-crds (in progress)
○   infrastructure-configs-issuers      3s  waits for infrastructure-operators-core (waits itself)
○   infrastructure-configs-networks     3s  waits for infrastructure-networking (waits itself)
○   infrastructure-instances            3s  waits for infrastructure-operators-data (waits itself), infrastructure-storage (waits itself), infrastructure-configs (waits itself)
○   infrastructure-networking           3s  waits for Flux to look at its dependencies again
○   infrastructure-operators-core       3s  waits for Flux to look at its dependencies again
○   infrastructure-operators-data       3s  waits for Flux to look at its dependencies again
○   infrastructure-operators-eso        3s  waits for infrastructure-operators-eso-crds (in progress)
●   infrastructure-operators-eso-crds   2s  being applied
✓   infrastructure-operators-namespaces     Ready 23.5s
○   infrastructure-storage              3s  waits for Flux to look at its dependencies again`},
	"narrow": {births.Castle, 34.6, 40, 24, false, `
35s: 12 of 15 Ready
first app online 29.5s (apps-static)
✓ flux-system               Ready 21.8s…
✓   apps-data               Ready 26.2s…
✓   apps-static             Ready 29.5s
✓   flux                    Ready 32.4s…
●   infrastru…-configs  0s  applied, no…
✓   infrastru…-issuers      Ready 34.4s…
✓   infrastru…networks      Ready 34.1s…
○   infrastru…nstances 12s  infrastruct…
✓   infrastru…tworking      Ready 32.7s…
✓   infrastru…ors-core      Ready 32.6s…
✓   infrastru…ors-data      Ready 34.2s…
●   infrastru…tors-eso  0s  applied, no…
✓   infrastru…eso-crds      Ready 32.4s…
✓   infrastru…mespaces      Ready 23.5s
✓   infrastru…-storage      Ready 31.4s…`},
	"narrow and low": {births.Castle, 34.6, 40, 5, false, `
35s: 12 of 15 Ready, first app online 2…
✓ 12 Ready, newest infrastructure-confi…
● infrastruc…e-configs  0s  applied, no…
○ infrastruc…instances 12s  infrastruct…
● infrastruc…ators-eso  0s  applied, no…`},
	"low": {births.Castle, 34.6, 80, 5, false, `
35s: 12 of 15 Ready, first app online 29.5s (apps-static)
✓ 12 Ready, newest infrastructure-configs-issuers
● infrastructure-configs        0s  applied, not healthy yet
○ infrastructure-instances     12s  infrastructure-configs (not healthy yet)
● infrastructure-operators-eso  0s  applied, not healthy yet`},
	"wide and low": {births.Castle, 25.3, 200, 5, false, `
25s: 2 of 15 Ready
✓ 2 Ready, newest infrastructure-operators-namespaces
● apps-static 0s  applied, not healthy yet
● flux        0s  being applied
  and 11 more that are not Ready`},
	"all stands": {births.Castle, 56.3, 80, 24, true, `
56s: 15 of 15 Ready
first app online 29.5s (apps-static), everything 56.0s
✓ flux-system                            Ready 21.8s, waited 5.4s for Flux to l…
✓   apps-data                            Ready 26.2s, waited 2.3s for Flux to l…
✓   apps-static                          Ready 29.5s
✓   flux                                 Ready 32.4s, waited 5.6s for Flux to l…
✓   infrastructure-configs               Ready 44.4s, waited 10.6s for infrastr…
✓   infrastructure-configs-issuers       Ready 34.4s, waited 10.8s for infrastr…
✓   infrastructure-configs-networks      Ready 34.1s, waited 10.8s for infrastr…
✓   infrastructure-instances             Ready 56.0s, waited 22.5s for infrastr…
✓   infrastructure-networking            Ready 32.7s, waited 2.4s for Flux to l…
✓   infrastructure-operators-core        Ready 32.6s, waited 2.4s for Flux to l…
✓   infrastructure-operators-data        Ready 34.2s, waited 2.5s for Flux to l…
✓   infrastructure-operators-eso         Ready 44.5s, waited 10.6s for infrastr…
✓   infrastructure-operators-eso-crds    Ready 32.4s, waited 1.2s for its source
✓   infrastructure-operators-namespaces  Ready 23.5s
✓   infrastructure-storage               Ready 31.4s, waited 2.4s for Flux to l…
[cursor in line 18, column 1]`},
	"all stands, low": {births.Castle, 56.3, 40, 5, true, `
56s: 15 of 15 Ready, first app online 2…
✓ 13 more Ready
✓ infrastruc…instances  Ready 56.0s, wa…
✓ infrastruc…ators-eso  Ready 44.5s, wa…
[cursor in line 5, column 1]`},
	"Git refuses": {births.Blocked, 189.7, 80, 24, false, `
3m10s: no unit yet
✗ claim Secret flux-system/flux-system 3m0s  blocked: the vault
    https://vault.example.com refused the login of ClusterSecretStore
    tazlab-secrets with 401: <b>wrong & "stale"</b> identity: write a new one
    into Secret seed-system/infisical-identity`},
	"a database does not come": {births.Blocked, 600, 80, 24, false, `
10m0s: 1 of 4 Ready, 1 failed
✓ flux-system                       Ready 4m21s, waited 3.0s for Flux to look a…
✗   infrastructure-instances   40s  failed: health check failed after 2m0s:
    timeout waiting for: [PostgresCluster/tazlab-db/tazlab-db status:
    'InProgress']
○   apps-data                5m39s  waits for infrastructure-instances (failed)
○     apps-later             5m39s  waits for apps-data to bring it`},
	"more than fits": {births.Large, 30, 80, 24, false, `
30s: 5 of 60 Ready
✓ 5 Ready, newest a-unit-with-a-rather-long-name-3-0
○ a-unit-with-a-rather-long-name-0-1 8s  Flux to look at its dependencies again
○ a-unit-with-a-rather-long-name-0-2 8s  a-unit-with-a-rather-long-name-0-1 (wa…
○ a-unit-with-a-rather-long-name-0-3 8s  a-unit-with-a-rather-long-name-0-2 (wa…
○ a-unit-with-a-rather-long-name-0-4 8s  a-unit-with-a-rather-long-name-0-3 (wa…
○ a-unit-with-a-rather-long-name-0-5 8s  a-unit-with-a-rather-long-name-0-4 (wa…
○ a-unit-with-a-rather-long-name-1-1 8s  Flux to look at its dependencies again
○ a-unit-with-a-rather-long-name-1-2 8s  a-unit-with-a-rather-long-name-1-1 (wa…
○ a-unit-with-a-rather-long-name-1-3 8s  a-unit-with-a-rather-long-name-1-2 (wa…
○ a-unit-with-a-rather-long-name-1-4 8s  a-unit-with-a-rather-long-name-1-3 (wa…
○ a-unit-with-a-rather-long-name-1-5 8s  a-unit-with-a-rather-long-name-1-4 (wa…
○ a-unit-with-a-rather-long-name-2-1 8s  Flux to look at its dependencies again
○ a-unit-with-a-rather-long-name-2-2 8s  a-unit-with-a-rather-long-name-2-1 (wa…
○ a-unit-with-a-rather-long-name-2-3 8s  a-unit-with-a-rather-long-name-2-2 (wa…
○ a-unit-with-a-rather-long-name-2-4 8s  a-unit-with-a-rather-long-name-2-3 (wa…
○ a-unit-with-a-rather-long-name-2-5 8s  a-unit-with-a-rather-long-name-2-4 (wa…
● a-unit-with-a-rather-long-name-4-0 6s  applied, not healthy yet
● a-unit-with-a-rather-long-name-5-0 5s  applied, not healthy yet
● a-unit-with-a-rather-long-name-6-0 5s  applied, not healthy yet
● a-unit-with-a-rather-long-name-7-0 4s  applied, not healthy yet
● a-unit-with-a-rather-long-name-8-0 4s  applied, not healthy yet
● a-unit-with-a-rather-long-name-9-0 3s  applied, not healthy yet
  and 34 more that are not Ready`},
	"a dependency that is Ready no more": {births.Fixed, 80, 80, 24, false, `
1m20s: 4 of 6 Ready
first app online 0.0s (apps)
✓ flux-system           Ready 62.4s
○   apps           18s  waits for infrastructure (not healthy yet)
✓   flux                Ready 0.0s
●   infrastructure 17s  applied, not healthy yet
✓   monitoring          Ready 63.0s, waited 62.0s for the next try (kustomize b…
✓   namespaces          Ready 62.3s`},
	"reconciled again": {births.Fixed, 94.05, 120, 24, true, `
1m34s: 6 of 6 Ready
first app online 0.0s (apps), everything 94.0s
✓ flux-system       Ready 62.4s
✓   apps            Ready 94.0s, waited 31.0s for infrastructure, 0.5s for Flux to look again
✓   flux            Ready 0.0s
✓   infrastructure  Ready 93.0s, waited 0.3s for namespaces, 0.2s for Flux to look again
✓   monitoring      Ready 63.0s, waited 62.0s for the next try (kustomize build failed: accumulating resources: open mo…
✓   namespaces      Ready 62.3s
[cursor in line 9, column 1]`},
	"parts": {parts, 40, 80, 24, false, `
40s: 1 of 4 Ready, 1 of 2 parts, 1 failed, 1 suspended
until Ready: apps
asked Flux to look again: 3 for dependency ready, 1 for store valid
✓ flux-system                      Ready 2.0s
○   apps                      38s  infrastructure (not healthy yet), apps-later…
●   infrastructure            37s  applied, not healthy yet
✓     externalsecret/db/login      Ready 4.0s
✗     helmrelease/db/postgres  7s  failed: Helm install failed for release
    db/postgres: context deadline exceeded
-     apps-later              38s  suspended: Flux leaves it alone until somebo…`},
	"parts, without room for their unit": {parts, 40, 80, 5, false, `
40s: 1 of 4 Ready, 1 of 2 parts, 1 failed, 1 suspended
✓ 2 Ready, newest externalsecret/db/login
✗ helmrelease/db/postgres 7s  failed: Helm install failed for release
    db/postgres: context deadline exceeded
  and 3 more that are not Ready`},
}
