package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

const configs, namespaces = "flux-system/infrastructure-configs", "flux-system/infrastructure-operators-namespaces"

// untilThen is the record of a birth that ended at a moment since these were Ready.
func untilThen(at float64, until ...string) *report.Report {
	r := births.AsOf(births.Castle(), births.At(at))
	r.Until = until
	return r
}

// A birth that ends at its goal has the moments that had come, and says of the others that nobody waited for them, wherever they
// are told. The goal need be no app, and takes no app's place.
func TestTheGoalStoodFirst(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		report  *report.Report
		table   string
		moments string
		json    string
	}{
		"an app was online": {untilThen(44.4, configs), `
AT              MOMENT            DETAIL
29.46s          first app online  apps-static
44.37s          goal              infrastructure-configs
not waited for  everything        the goal stood first; 13 of 15 units are Ready
`, "first app online (apps-static) 29.46s, goal 44.37s after the start of the machine; not waited for: everything",
			"\"notWaitedFor\": [\n    \"everything\"\n  ]"},
		"none was": {untilThen(24, namespaces), `
AT              MOMENT            DETAIL
not waited for  first app online  the goal stood first
23.53s          goal              infrastructure-operators-namespaces
not waited for  everything        the goal stood first; 2 of 15 units are Ready
`, "goal 23.53s after the start of the machine; not waited for: first app online, everything",
			"\"notWaitedFor\": [\n    \"first app online\",\n    \"everything\"\n  ]"},
		"all stood then": {untilThen(56, configs), `
AT      MOMENT            DETAIL
29.46s  first app online  apps-static
44.37s  goal              infrastructure-configs
55.96s  everything        15 units
`, "first app online (apps-static) 29.46s, goal 44.37s, everything 55.96s after the start of the machine", ""},
		"it does not stand": {untilThen(30, configs), `
AT      MOMENT            DETAIL
29.46s  first app online  apps-static
-       goal              infrastructure-configs
-       everything        4 of 15 units are Ready
`, "first app online (apps-static) 29.46s after the start of the machine", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := test.report.Table(&out); err != nil || !strings.Contains(out.String(), test.table) {
				t.Errorf("%v: the table is\n%s\nwant in it%s", err, out.String(), test.table)
			}
			if got := test.report.Moments(); got != test.moments {
				t.Errorf("in a line: %s\nwant %s", got, test.moments)
			}
			data, err := test.report.JSON()
			if err != nil || strings.Contains(string(data), "notWaitedFor") != (test.json != "") || !strings.Contains(string(data), test.json) {
				t.Errorf("%v: no %s in the JSON", err, test.json)
			}
			again, err := report.Parse(data)
			if err != nil || again.Moments() != test.moments {
				t.Errorf("read again: %v, %v", again, err)
			}
		})
	}
}

// What the goal waited for is told too, before what the apps did.
func TestWhatTheGoalWaitedFor(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := untilThen(44.4, configs).Table(&out); err != nil {
		t.Fatal(err)
	}
	_, apps, _ := strings.Cut(out.String(), "GOAL OR APP")
	lines := strings.Split(apps, "\n")
	if len(lines) < 4 || !strings.Contains(lines[1], "infrastructure-configs ") || !strings.Contains(lines[1], "infrastructure-operators-eso-crds") || !strings.Contains(apps, " apps-static ") {
		t.Error(out.String())
	}
	if got := untilThen(56, "flux-system/apps-static", "flux-system/apps-static").GoalAndApps(); len(got) != len(births.Castle().Apps()) || got[0].Name != "flux-system/apps-static" {
		t.Errorf("%d goals and apps", len(got))
	}
}

// The first app is compared with the first app whatever was waited for, a goal only with the same one.
func TestComparisonOfGoals(t *testing.T) {
	t.Parallel()
	slower := births.Later(untilThen(44.4, namespaces, configs), 2)
	for name, test := range map[string]struct {
		now, earlier *report.Report
		want         string
	}{
		"a goal now":       {untilThen(44.4, configs), births.Castle(), "first app online as before; everything not waited for"},
		"a goal before":    {births.Castle(), untilThen(24, namespaces), "first app online not waited for before; everything not waited for before"},
		"the same goal":    {slower, untilThen(44.4, configs, namespaces, configs), "first app online 29.46s slower; goal 44.37s slower"},
		"another goal":     {untilThen(56, configs), untilThen(24, namespaces), "first app online not waited for before; everything not waited for before"},
		"more goals":       {untilThen(56, configs, namespaces), untilThen(56, configs), "first app online as before; everything as before"},
		"not reached then": {untilThen(56, configs), untilThen(30, configs), "first app online as before; goal not known before; everything not known before"},
		"none":             {births.Castle(), births.Castle(), "first app online as before; everything as before"},
	} {
		var got []string
		for _, c := range test.now.Compare(test.earlier) {
			if slices.Contains([]string{"first app online", "goal", "everything"}, c.Name) && !c.Unit {
				got = append(got, c.Name+" "+c.Verdict(func(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }))
			}
		}
		if got := strings.Join(got, "; "); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
	var out strings.Builder
	if err := untilThen(44.4, configs).Comparison(&out, births.Castle()); err != nil || !strings.Contains(out.String(), "\n55.96s   -       not waited for      everything\n") {
		t.Errorf("%v: the comparison is\n%s", err, out.String())
	}
}
