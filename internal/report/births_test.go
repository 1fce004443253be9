package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

func TestMomentsOfABirth(t *testing.T) {
	t.Parallel()
	r := births.Castle()
	// apps-data is Ready before, which says only that it was applied; Flux was Ready later and is no app.
	if app, at := r.FirstApp(); app == nil || app.Name != "flux-system/apps-static" || !at.Equal(births.At(29.46)) {
		t.Errorf("the first app is %+v at %s", app, at)
	}
	if at := r.Everything(); !at.Equal(births.At(55.96)) {
		t.Errorf("everything at %s", at)
	}
	r.Until = []string{"flux-system/apps-data"}
	if app, at := r.FirstApp(); app == nil || app.Name != "flux-system/apps-data" || !at.Equal(births.At(26.16)) {
		t.Errorf("named as the goal, the first app is %+v at %s", app, at)
	}
	blocked := births.Blocked()
	if app, _ := blocked.FirstApp(); app != nil || !blocked.Everything().IsZero() || !blocked.End().Equal(births.At(600)) {
		t.Errorf("a birth that is not over: app %v, everything %s, end %s", app, blocked.Everything(), blocked.End())
	}
}

// path is the critical path: how long each part took and, if it did, waited.
func path(r *report.Report) string {
	var legs []string
	for _, leg := range r.CriticalPath() {
		text := fmt.Sprint(r.Short(leg.Name), " ", leg.Took().Round(10*time.Millisecond))
		if leg.Waited > 0 {
			text += fmt.Sprintf(" (%s)", leg.Waited.Round(10*time.Millisecond))
		}
		legs = append(legs, text)
	}
	return strings.Join(legs, ", ")
}

func TestCriticalPath(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		report *report.Report
		want   string
	}{
		"castle": {births.Castle(), "machine and API server 4s, start of seed 7.1s, seed plants Flux 3.42s, flux-system 7.34s (6.38s), " +
			"infrastructure-operators-eso-crds 10.58s (1.24s), infrastructure-configs 11.93s (1.46s), infrastructure-instances 11.59s (1.23s)"},
		"without spans": {births.Old(), "machine and API server 4s, start of seed 7.1s, seed plants Flux 3.41s, infrastructure-instances 41.45s"},
		"tiny":          {births.Tiny(), "machine and API server 2s, start of seed 1.1s, seed plants Flux 800ms, flux-system 3.3s (2.1s)"},
		// What is Ready, and reconciled once more, has only that on the path; before it comes what did not stand until then.
		"fixed":       {births.Fixed(), "monitoring 1m2s (1m2s), namespaces 300ms, infrastructure 30.7s (200ms), apps 1s (500ms)"},
		"long":        {births.Long(), "machine and API server 4s, start of seed 5s, seed plants Flux 5s, flux-system 7.2s (6s), database 4m38.6s, apps-static 1.2s"},
		"mended":      {births.Mended(), "machine and API server 4s, start of seed 5s, seed plants Flux 5s, flux-system 7.2s (6s), web 2m57.8s (2m49s), flux-system 1.1s, added 9.9s"},
		"nothing yet": {&report.Report{Machine: births.Start}, ""},
	} {
		end := test.report.Zero()
		for _, leg := range test.report.CriticalPath() {
			if !leg.From.Equal(end) {
				t.Errorf("%s: %s begins at %s, the one before ends at %s", name, leg.Name, leg.From, end)
			}
			end = leg.To
		}
		if got := path(test.report); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

// Units that wait for each other, or for themselves, are no reason to go round for ever.
func TestCriticalPathEnds(t *testing.T) {
	t.Parallel()
	r := &report.Report{Machine: births.Start}
	for i, name := range []string{"ns/a", "ns/b"} {
		r.See(report.Unit{Name: name, By: name, Needs: []string{"ns/a", "ns/b"}}, report.PhaseWorking, "", births.At(1))
		r.See(report.Unit{Name: name, Ready: true, At: births.At(float64(2 + i)), Needs: []string{"ns/a", "ns/b"}}, report.PhaseReady, "", births.At(float64(2+i)))
	}
	if legs := r.CriticalPath(); len(legs) == 0 || len(legs) > 4 {
		t.Errorf("legs %+v", legs)
	}
}

func TestWhatAnAppWaitedFor(t *testing.T) {
	t.Parallel()
	r := births.Castle()
	got := map[string]string{}
	for _, app := range r.Apps() {
		got[r.Short(app.Name)] = r.Waited(app)
	}
	want := map[string]string{
		"apps-static":                  "nothing",
		"apps-data":                    "2.34s for Flux to look again, 1.70s for infrastructure-operators-namespaces",
		"infrastructure-instances":     "22.52s for infrastructure-configs, 1.23s for Flux to look again",
		"infrastructure-operators-eso": "10.58s for infrastructure-operators-eso-crds, 1.46s for Flux to look again",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestSlowest(t *testing.T) {
	t.Parallel()
	var names []string
	for _, leg := range births.Castle().Slowest(3) {
		names = append(names, leg.Name)
	}
	if got := strings.Join(names, " "); got != "flux-system/flux flux-system/infrastructure-operators-eso flux-system/infrastructure-configs" {
		t.Error(got)
	}
	// Tries of one step count together, with the pauses between them.
	if first := births.Blocked().Slowest(1)[0]; !strings.HasPrefix(first.Name, "claim Secret") || first.Took() < 200*time.Second || first.Waited < 200*time.Second {
		t.Errorf("%+v", first)
	}
}

// A unit is recorded once for each change, and of very many changes the first, the newest and the last error stay.
func TestSpansAreBounded(t *testing.T) {
	t.Parallel()
	r := births.Blocked()
	u := r.Units[1]
	var folded report.Span
	tries := 0
	for _, s := range u.Spans {
		tries += max(s.Folded, 1)
		if s.Folded > 0 {
			folded = s
		}
	}
	if len(u.Spans) > 24 || tries != 300 || folded.Phase != report.PhaseFolded || !strings.Contains(folded.Why, "PostgresCluster") {
		t.Errorf("%d spans of %d changes, folded %+v", len(u.Spans), tries, folded)
	}
	if u.Spans[0].Phase != report.PhaseWorking || u.Spans[len(u.Spans)-1].Phase != report.PhaseFailed {
		t.Errorf("first %+v, last %+v", u.Spans[0], u.Spans[len(u.Spans)-1])
	}
	before := len(r.Units[0].Spans)
	r.See(r.Units[0], report.PhaseReady, "", births.At(700))
	if len(r.Units[0].Spans) != before {
		t.Error("the same phase again is recorded as a new span")
	}
}

func TestReportsAreReadAgain(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Report{"castle": births.Castle(), "old": births.Old(), "blocked": births.Blocked()} {
		data, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := report.Parse(data)
		if err != nil {
			t.Fatal(name, err)
		}
		var before, after strings.Builder
		_ = r.Table(&before)
		_ = again.Table(&after)
		if before.String() != after.String() || json.Valid(data) && len(again.Units) != len(r.Units) {
			t.Errorf("%s: before\n%s\nafter\n%s", name, before.String(), after.String())
		}
	}
	for _, data := range []string{"", "[]", "{}", "{\"kind\": \"ConfigMap\"}"} {
		if _, err := report.Parse([]byte(data)); err == nil || !strings.Contains(err.Error(), "no report of seed") {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// A Pod that goes on with the birth of another keeps what that one saw of the units.
func TestUnitsOfAnEarlierPod(t *testing.T) {
	t.Parallel()
	earlier, r := births.Castle(), &report.Report{Seed: births.At(100)}
	const ready, waiting = "flux-system/apps-static", "flux-system/infrastructure-instances"
	for i, u := range earlier.Units {
		if u.Name == waiting { // the Pod died while it waited
			earlier.Units[i].Spans, earlier.Units[i].Ready, earlier.Units[i].At = u.Spans[:1], false, time.Time{}
		}
	}
	r.See(report.Unit{Name: ready, Ready: true, At: births.At(29)}, report.PhaseUnknown, "", births.At(21))
	r.See(report.Unit{Name: ready, Ready: true, At: births.At(29)}, report.PhaseReady, "", births.At(29))
	r.See(report.Unit{Name: waiting}, report.PhaseUnknown, "", births.At(21))
	r.See(report.Unit{Name: waiting}, report.PhaseDepends, "", births.At(101))
	r.See(report.Unit{Name: waiting, Ready: true, At: births.At(110)}, report.PhaseReady, "", births.At(110))
	r.Continues(earlier)
	if u := r.Units[0]; !u.At.Equal(births.At(29.46)) || len(u.Spans) != 3 || u.Spans[0].Phase != report.PhaseWorking {
		t.Errorf("%+v", u)
	}
	if u := r.Units[1]; !u.At.Equal(births.At(110)) || len(u.Spans) != 2 || !u.Spans[0].Start.Equal(births.At(21.85)) {
		t.Errorf("%+v", u)
	}
	if !r.Machine.Equal(births.Start) || len(r.CriticalPath()) == 0 {
		t.Errorf("%+v", r)
	}
}
