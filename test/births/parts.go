package births

import (
	"strings"

	"github.com/tazlab/seed/internal/report"
)

// part is what a unit brought, named "kind/namespace/name".
func part(name, by string, needs []string, phases ...any) report.Unit {
	u := life(name, by, needs, phases...)
	u.Name, u.Needs, u.Part, u.Detail = name, needs, true, ""
	for i := range u.Spans {
		if u.Spans[i].Phase == report.PhaseDepends {
			u.Spans[i].Why = needs[0] + " is not ready"
		}
	}
	return u
}

// says gives the newest phase of u its reason.
func says(u report.Unit, why string) report.Unit {
	u.Spans[len(u.Spans)-1].Why, u.Detail = why, why
	return u
}

// unsynced is an ExternalSecret whose store was not valid at first. External Secrets Operator calls that a failure, without a
// reason, and shows no further try.
func unsynced(u report.Unit) report.Unit {
	u.Spans[1].Why = "could not get secret data from provider"
	return u
}

// Nudged is a birth that was looked at down to releases and secrets, with one unit that somebody has suspended.
func Nudged() *report.Report {
	r := Castle()
	r.Steps = append(steps(), step(report.FollowStep, 14.52, 30.2, "15 Kustomizations"))
	r.Nudges = map[string]int{"dependency ready": 6, "store valid": 2, "source-controller available": 1}
	r.Saved = At(45)
	q, w, d, ready := report.PhaseQueued, report.PhaseWorking, report.PhaseDepends, report.PhaseReady
	for i, u := range r.Units {
		switch strings.TrimPrefix(u.Name, namespace) {
		case "infrastructure-instances":
			r.Units[i] = works(life("infrastructure-instances", "flux-system", []string{"infrastructure-operators-data", "infrastructure-storage", "infrastructure-configs"},
				21.85, d, 38.1, w, 38.4, report.PhaseHealth, 43.46, ready))
		case "infrastructure-configs":
			r.Units[i] = life("infrastructure-configs", "flux-system", []string{"infrastructure-operators-eso-crds"}, 21.84, d, 32.5, w, 32.9, report.PhaseHealth, 37.98, ready)
		case "infrastructure-operators-eso":
			r.Units[i] = works(life("infrastructure-operators-eso", "flux-system", []string{"infrastructure-operators-eso-crds"}, 21.86, d, 32.5, w, 33.1, report.PhaseHealth, 38.2, ready))
		case "infrastructure-networking":
			r.Units[i] = says(works(life("infrastructure-networking", "flux-system", []string{"infrastructure-operators-namespaces"}, 21.85, report.PhaseSuspended)), "suspended in Git")
		case "infrastructure-configs-networks":
			r.Units[i] = life("infrastructure-configs-networks", "flux-system", []string{"infrastructure-networking"}, 21.84, d)
		}
	}
	const store, eso = "clustersecretstore/tazlab-secrets", "infrastructure-operators-eso"
	r.Units = append(
		r.Units,
		part("helmrelease/external-secrets/external-secrets", eso, []string{"ocirepository/external-secrets/external-secrets"}, 33, q, 33.2, report.PhaseSource, 34.0, w, 37.1, ready),
		part("ocirepository/external-secrets/external-secrets", eso, nil, 33, q, 33.1, w, 33.9, ready),
		part(store, "infrastructure-configs", nil, 32.8, q, 37.0, w, 37.2, ready),
		unsynced(part("externalsecret/flux-system/flux-system", "infrastructure-configs", []string{store}, 32.9, q, 37.0, report.PhaseFailed, 37.5, ready)),
		unsynced(part("externalsecret/tazlab-db/s3-backup", "infrastructure-configs", []string{store}, 32.9, q, 37.0, report.PhaseFailed, 37.6, ready)),
		works(part("helmrelease/blog/blog", "apps-static", nil, 24.4, w, 27.9, ready)),
		works(part("helmrelease/longhorn-system/longhorn", "infrastructure-storage", nil, 26.3, w, 30.9, ready)),
		says(part("helmrelease/apps/wiki", "apps-data", nil, 26.0, w, 27.4, report.PhaseSuspended), "suspended in Git"),
	)
	return r
}

// Late is a birth whose time was up: a release has given up, and of the rest not all was reached.
func Late() *report.Report {
	r := Nudged()
	r.Saved, r.Until = At(120), []string{namespace + "apps-data", "helmrelease/blog/blog"}
	r.Steps[len(r.Steps)-1].State = report.Failed
	r.Steps[len(r.Steps)-1].Took = 105e9
	w, d := report.PhaseWorking, report.PhaseDepends
	const why = "Helm install failed for release longhorn-system/longhorn with chart longhorn@1.9.1: context deadline exceeded"
	for i, u := range r.Units {
		switch strings.TrimPrefix(u.Name, namespace) {
		case "helmrelease/longhorn-system/longhorn":
			r.Units[i] = says(part(u.Name, "infrastructure-storage", nil, 26.3, w, 86.3, report.PhaseFailed), why)
			r.Units[i].Stalled = true
		case "infrastructure-storage":
			r.Units[i] = says(works(life("infrastructure-storage", "flux-system", []string{"infrastructure-operators-namespaces"}, 21.86, d, 25.9, w, 26.3, report.PhaseHealth, 86.4, report.PhaseFailed)),
				"health check failed after 1m0s: timeout waiting for: [HelmRelease/longhorn-system/longhorn status: 'Failed']")
		case "infrastructure-instances":
			r.Units[i] = works(life("infrastructure-instances", "flux-system", []string{"infrastructure-storage", "infrastructure-configs"}, 21.85, d))
		case "apps-data":
			r.Units[i] = works(life("apps-data", "flux-system", []string{"infrastructure-instances"}, 21.83, d))
		}
	}
	r.Units = append(r.Units, life("apps-later", "apps-data", nil, 30, report.PhaseAbsent))
	return r
}
