package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
)

func TestTable(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	r := &report.Report{
		Machine: start, APIServer: at(4), Seed: at(9.1), Ended: at(21),
		Steps: []report.Step{
			{Name: "claim Secret flux-system/flux-system", Start: at(9.2), Took: 20 * time.Millisecond, State: report.Done, Detail: "from ClusterSecretStore infisical"},
			{Name: "fetch GitRepository flux-system", Start: at(9.22), Took: 3 * time.Second, State: report.Failed, Detail: "two\nlines"},
		},
		Units: []report.Unit{{Name: "flux-system/flux", Ready: true, At: at(20.5), Detail: "v1"}, {Name: "flux-system/apps", Detail: "not in the cluster yet"}},
	}
	var out strings.Builder
	if err := r.Table(&out); err != nil {
		t.Fatal(err)
	}
	const want = `AT     TOOK   STEP                                  STATE   DETAIL
0.00s         machine start                                 from /proc/uptime
4.00s         API server ready                              creation of kube-system, in whole seconds
9.10s         seed starts
9.20s  0.02s  claim Secret flux-system/flux-system  done    from ClusterSecretStore infisical
9.22s  3.00s  fetch GitRepository flux-system       failed  two lines

AT      READY  KUSTOMIZATION     DETAIL
20.50s  yes    flux-system/flux  v1
-       no     flux-system/apps  not in the cluster yet

the birth ended 11.9s after seed started, 21s after the machine did
`
	var got strings.Builder
	for line := range strings.Lines(out.String()) {
		got.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	if got.String() != want {
		t.Errorf("table:\n%s\nwant:\n%s", got.String(), want)
	}
}
