package births

import (
	"time"

	"github.com/tazlab/seed/internal/report"
)

// Fixed is what somebody sees who follows a cluster that lived already, in which one unit fails: after a minute Git has the
// fix, and with its revision all units are reconciled again.
func Fixed() *report.Report {
	const root, why = "flux-system", "kustomize build failed: accumulating resources: open monitoring/rules.yaml: no such file or directory"
	w, d, ready := report.PhaseWorking, report.PhaseDepends, report.PhaseReady
	monitoring := life("monitoring", root, nil, 0, report.PhaseFailed, 62, w, 63, ready)
	monitoring.Spans[0].Why = why
	before := life("flux", root, nil, 0, ready)
	before.At = Start.Add(-time.Hour) // of another source
	return &report.Report{
		Seed: Start, Saved: At(94.1),
		Units: []report.Unit{
			life(root, "", nil, 0, ready, 61.9, w, 62.4, ready),
			works(life("apps", root, []string{"infrastructure"}, 0, ready, 62, d, 93.5, w, 94, ready)),
			before,
			works(life("infrastructure", root, []string{"namespaces"}, 0, ready, 62, d, 62.5, w, 63, report.PhaseHealth, 93, ready)),
			works(monitoring),
			life("namespaces", root, nil, 0, ready, 62, w, 62.3, ready),
		},
	}
}

// Long is a birth that lasts so long that Flux reconciles what is Ready once more, each minute: at the end it is at that, too.
func Long() *report.Report {
	const root = "flux-system"
	w, h, ready := report.PhaseWorking, report.PhaseHealth, report.PhaseReady
	static := []any{21.1, w, 21.5, h, 26.5, ready}
	for minute := 1; minute < 5; minute++ {
		from := 26.5 + 60.5*float64(minute)
		static = append(static, from, w, from+0.5, ready)
	}
	static = append(static, 299.8, w, 301, ready)
	return &report.Report{
		Machine: Start, APIServer: At(4), Seed: At(9), Revision: "main@sha1:5", Saved: At(301.1),
		Steps: []report.Step{step("fetch GitRepository flux-system", 9.2, 0.3, "main@sha1:5"), step("apply the root sync", 13, 1, "4 created")},
		Units: []report.Unit{
			life(root, "", nil, 14, report.PhaseQueued, 20, w, 21, ready),
			works(life("apps-static", root, nil, static...)),
			works(life("database", root, nil, 21.2, w, 22, h, 300, ready)),
		},
	}
}

// Mended is a birth that one unit keeps from its end, until Git has the fix, and with it one unit more.
func Mended() *report.Report {
	const root, why = "flux-system", "Service/web/web dry-run failed: admission webhook \"policy.example.com\" denied the request: no label \"owner\""
	w, ready := report.PhaseWorking, report.PhaseReady
	web := life("web", root, nil, 21.2, w, 30, report.PhaseFailed, 199.5, w, 201, ready)
	web.Spans[1].Why = why
	return &report.Report{
		Machine: Start, APIServer: At(4), Seed: At(9), Revision: "main@sha1:6", Saved: At(210.1),
		Steps: []report.Step{step("fetch GitRepository flux-system", 9.2, 0.3, "main@sha1:6"), step("apply the root sync", 13, 1, "4 created")},
		Units: []report.Unit{
			life(root, "", nil, 14, report.PhaseQueued, 20, w, 21, ready, 199, w, 200, ready),
			works(life("added", root, nil, 200.1, w, 210, ready)),
			works(web),
		},
	}
}
