package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// What was never Ready, then or now, is not called new or gone for that; a small difference is none.
func TestComparison(t *testing.T) {
	t.Parallel()
	birth := func(first float64, units map[string]float64) *report.Report {
		r := &report.Report{Machine: births.Start, APIServer: births.At(first)}
		for _, name := range []string{"flux-system/a", "flux-system/b", "flux-system/c", "flux-system/d"} {
			if at, there := units[name]; there {
				r.Units = append(r.Units, report.Unit{Name: name, Ready: at > 0})
				if at > 0 {
					r.Units[len(r.Units)-1].At = births.At(at)
				}
			}
		}
		return r
	}
	earlier := birth(4, map[string]float64{"flux-system/a": 20, "flux-system/b": 0, "flux-system/d": 50})
	now := birth(4.4, map[string]float64{"flux-system/a": 12, "flux-system/b": 30, "flux-system/c": 31, "flux-system/d": 0})
	var out strings.Builder
	if err := now.Comparison(&out, earlier); err != nil {
		t.Fatal(err)
	}
	const want = `EARLIER  NOW     CHANGE                    MOMENT
4.00s    4.40s   as before                 API server ready
20.00s   12.00s  8.00s faster              a
-        30.00s  new, or not Ready before  b
-        31.00s  new, or not Ready before  c
50.00s   -       not Ready, or gone        d
`
	if out.String() != want {
		t.Errorf("the comparison is\n%s\nwant\n%s", out.String(), want)
	}
	if verdict := (report.Change{Earlier: -1, Now: time.Second}).Verdict(time.Duration.String); verdict != "not known before" {
		t.Errorf("a moment that the earlier report lacks: %s", verdict)
	}
}
