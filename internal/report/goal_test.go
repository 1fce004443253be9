package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

// Parts are shown, and wait for this and that, but nothing that a birth is judged by is one of them.
func TestPartsDoNotCount(t *testing.T) {
	t.Parallel()
	r := births.Nudged()
	for i := range r.Units { // a source is what a Kustomization needs, too
		if u := &r.Units[i]; u.Name == "flux-system/infrastructure-instances" {
			u.Needs = append(u.Needs, "gitrepository/flux-system/late")
		}
	}
	r.See(report.Unit{Name: "gitrepository/flux-system/late", By: "flux-system/flux-system", Part: true, Ready: true, At: births.At(38.05)}, report.PhaseReady, "", births.At(38.05))
	for _, leg := range append(r.CriticalPath(), r.Slowest(100)...) {
		if strings.Contains(leg.Name, "release/") || strings.Contains(leg.Name, "late") || strings.Contains(leg.Name, "secret") && leg.Unit {
			t.Errorf("a part counts: %+v", leg)
		}
	}
	if got := path(r); !strings.Contains(got, "infrastructure-configs 5.54s (60ms), infrastructure-instances 5.48s (120ms)") {
		t.Errorf("the path is %s", got)
	}
	for _, app := range r.Apps() {
		if app.Part {
			t.Errorf("an app: %+v", app)
		}
	}
	before := r.Everything()
	if !r.Stands() || !before.Equal(births.At(43.46)) || r.Standing() != "13 units, 2 left out" {
		t.Errorf("everything at %s, %s", before, r.Standing())
	}
	for i := range r.Units {
		if u := &r.Units[i]; u.Name == "externalsecret/tazlab-db/s3-backup" {
			if got := r.Waited(u); got != "4.10s for its controller to look at it, 0.60s for the next try (could not get secret data from provider)" {
				t.Errorf("%s waited %s", u.Name, got)
			}
			u.Ready, u.At = false, time.Time{}
		}
	}
	if !r.Stands() || !r.Everything().Equal(before) || !r.Reached() {
		t.Error("a part that is not Ready keeps the tree from standing")
	}
	r.Until = []string{"externalsecret/tazlab-db/s3-backup"}
	if r.Stands() || r.Reached() || !r.Goal().IsZero() {
		t.Error("the goal names a part that is not Ready, and that counts for nothing")
	}
	r.Until = []string{"helmrelease/blog/blog"}
	if app, at := r.FirstApp(); app == nil || app.Name != r.Until[0] || !at.Equal(births.At(27.9)) || !r.Goal().Equal(at) {
		t.Errorf("the first app is %+v, the goal was reached at %s", app, r.Goal())
	}
	if path := r.CriticalPath(); path[len(path)-1].Name != r.Until[0] {
		t.Errorf("the path to the goal ends at %+v", path[len(path)-1])
	}
}

// What is suspended is not waited for, nor what can only come after it; unless the goal names it.
func TestSuspended(t *testing.T) {
	t.Parallel()
	unit := func(name string, phase report.Phase, ready bool, needs ...string) report.Unit {
		u := report.Unit{Name: "ns/" + name, Ready: ready, By: "ns/root", Spans: []report.Span{{Phase: phase, Start: births.At(1), Why: "dependency 'ns/off' is not ready"}}}
		for _, need := range needs {
			u.Needs = append(u.Needs, "ns/"+need)
		}
		return u
	}
	off := unit("off", report.PhaseSuspended, false)
	offReady := unit("off", report.PhaseSuspended, true)
	other := unit("next", report.PhaseDepends, false, "off")
	other.Spans[0].Why = "dependency 'ns/slow' is not ready"
	const d, w, ready = report.PhaseDepends, report.PhaseWorking, report.PhaseReady
	for name, test := range map[string]struct {
		units  []report.Unit
		until  []string
		stands bool
		out    string
	}{
		"alone":                          {[]report.Unit{unit("root", ready, true), off}, nil, true, "off"},
		"nothing else":                   {[]report.Unit{off}, nil, false, "off"},
		"nothing":                        {nil, nil, false, ""},
		"with dependants":                {[]report.Unit{unit("root", ready, true), off, unit("next", d, false, "off"), unit("last", d, false, "next")}, nil, true, "off behind next last"},
		"a dependant that is Ready":      {[]report.Unit{off, unit("next", ready, true, "off")}, nil, true, "off"},
		"a dependant that Flux works on": {[]report.Unit{off, unit("next", w, false, "off")}, nil, false, "off"},
		"a dependant that has failed":    {[]report.Unit{off, unit("next", report.PhaseFailed, false, "off")}, nil, false, "off"},
		"Ready at another revision":      {[]report.Unit{offReady, unit("next", d, false, "off"), unit("root", ready, true)}, nil, true, "off behind next"},
		"Ready, and something else":      {[]report.Unit{offReady, other, unit("root", ready, true)}, nil, false, "off"},
		"brings one that is not there":   {[]report.Unit{unit("root", ready, true), off, {Name: "ns/x", By: "ns/off", Spans: []report.Span{{Phase: report.PhaseAbsent}}}}, nil, true, "off behind x"},
		"named":                          {[]report.Unit{unit("root", ready, true), offReady}, []string{"ns/off"}, false, ""},
		"a dependant is named":           {[]report.Unit{unit("root", ready, true), off, unit("next", d, false, "off")}, []string{"ns/next"}, false, "off"},
	} {
		r := &report.Report{Units: test.units, Until: test.until}
		var out []string
		suspended, behind := r.LeftOut()
		for _, u := range suspended {
			out = append(out, strings.TrimPrefix(u.Name, "ns/"))
		}
		for i, u := range behind {
			if i == 0 {
				out = append(out, "behind")
			}
			out = append(out, strings.TrimPrefix(u.Name, "ns/"))
		}
		if got := strings.Join(out, " "); got != test.out || r.Stands() != test.stands || r.Reached() && !test.stands {
			t.Errorf("%s: left out %q, stands %v, reached %v", name, got, r.Stands(), r.Reached())
		}
	}
}

func TestTheSummarySaysWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	r := births.Nudged()
	r.Revision = "main@sha1:1"
	const left = "suspended, so not waited for: infrastructure-networking, helmrelease/apps/wiki; nor is what can only come after: infrastructure-configs-networks"
	if got := r.Summary(); got != "Flux is planted at main@sha1:1; all 13 Kustomizations are Ready; "+left {
		t.Error(got)
	}
	if got := r.Moments(); got != "first app online (apps-static) 29.46s, everything 43.46s after the start of the machine" {
		t.Error(got)
	}
	r.Until = []string{"flux-system/apps-data"}
	if got := r.Stood(); got != "the goal is Ready: apps-data; "+left {
		t.Error(got)
	}
	if got := r.Moments(); got != "first app online (apps-data) 26.16s, goal 26.16s, everything 43.46s after the start of the machine" {
		t.Error(got)
	}
	if got := (&report.Report{}).Moments(); got != "" {
		t.Error(got)
	}
	var out strings.Builder
	if err := births.Nudged().Table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n" + left + "\n", "6      dependency ready\n", "suspended  flux-system/infrastructure-networking ", "yes          helmrelease/blog/blog"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, out.String())
		}
	}
}

// A Pod that goes on with the birth of another counts on, and keeps what that one saw of parts.
func TestContinuesKeepsPartsAndNudges(t *testing.T) {
	t.Parallel()
	earlier, r := births.Nudged(), &report.Report{Seed: births.At(100), Nudges: map[string]int{"store valid": 1, "CRD established": 3}}
	const name = "helmrelease/external-secrets/external-secrets"
	r.See(report.Unit{Name: name, Part: true, Ready: true, At: births.At(37)}, report.PhaseReady, "", births.At(37))
	r.Continues(earlier)
	if got := fmt.Sprint(r.Nudges); got != "map[CRD established:3 dependency ready:6 source-controller available:1 store valid:3]" {
		t.Error(got)
	}
	if u := r.Units[0]; !u.Part || len(u.Spans) != 4 || !u.At.Equal(births.At(37.1)) {
		t.Errorf("%+v", u)
	}
	if earlier.Nudges["store valid"] != 2 {
		t.Error("the earlier report was changed")
	}
	none := &report.Report{}
	none.Continues(earlier)
	if none.Nudges["dependency ready"] != 6 {
		t.Errorf("%v", none.Nudges)
	}
}

// What Flux says may hold a URL with a login: it is not recorded.
func TestNoLoginIsRecorded(t *testing.T) {
	t.Parallel()
	r := &report.Report{}
	const why = "failed to checkout 'https://user:hunter2@git.example.com/x.git?token=hunter2':\n authentication required"
	r.See(report.Unit{Name: "gitrepository/flux-system/x", Part: true, Detail: why}, report.PhaseFailed, why, births.At(1))
	r.Until = []string{"gitrepository/flux-system/x"}
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	const want = "failed to checkout 'https://git.example.com/x.git: authentication required"
	if all := string(data) + r.MissingText() + r.MissingLine(); strings.Contains(all, "hunter2") || strings.Count(all, want) != 4 {
		t.Error(all)
	}
}

// A part whose unit is not in the report, or is a part itself, is shown all the same; a comparison is of units.
func TestRowsHaveEveryUnit(t *testing.T) {
	t.Parallel()
	part := func(name, by string) report.Unit {
		return report.Unit{Name: name, By: by, Part: true, Ready: true, At: births.At(1)}
	}
	r := &report.Report{Units: []report.Unit{part("a/ns/1", "ns/gone"), {Name: "ns/x"}, {Name: "ns/y"}, part("a/ns/2", "ns/x"), part("a/ns/3", "a/ns/2"), part("a/ns/4", "ns/x")}}
	var names []string
	for _, u := range r.Rows() {
		names = append(names, u.Name)
	}
	if got := strings.Join(names, " "); got != "a/ns/1 ns/x a/ns/2 a/ns/4 ns/y a/ns/3" {
		t.Error(got)
	}
	for _, c := range append(births.Nudged().Compare(births.Late()), births.Late().Compare(births.Nudged())...) {
		if c.Unit && strings.Contains(c.Name, "/") {
			t.Errorf("a part is compared: %+v", c)
		}
	}
}

// Who follows a cluster that lived already begins with that: what stood before has no length, and no birth's steps are missed.
func TestFollowingBeginsWithItself(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r := &report.Report{Seed: start}
	r.See(report.Unit{Name: "flux-system/root", Ready: true, At: start.Add(-time.Hour)}, report.PhaseReady, "", start)
	var out strings.Builder
	if err := r.Table(&out); err != nil {
		t.Fatal(err)
	}
	want := `AT      READY  KUSTOMIZATION     DETAIL
before  yes    flux-system/root  

AT      MOMENT            DETAIL
-       first app online  
before  everything        1 unit
`
	if out.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", out.String(), want)
	}
	r.See(report.Unit{Name: "flux-system/root"}, report.PhaseWorking, "", start.Add(time.Second))
	r.See(report.Unit{Name: "flux-system/root", Ready: true, At: start.Add(3 * time.Second)}, report.PhaseReady, "", start.Add(3*time.Second))
	out.Reset()
	if err := r.Table(&out); err != nil || !strings.Contains(out.String(), "3.00s   everything") && !strings.Contains(out.String(), "3.00s  everything") || !strings.Contains(out.String(), "CRITICAL PATH") {
		t.Errorf("%v: the table is\n%s", err, out.String())
	}
}
