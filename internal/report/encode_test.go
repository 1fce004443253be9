package report

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A ConfigMap takes 1 MiB: of very many units with very much to tell the spans are left out, never the units.
func TestARecordFitsIntoItsConfigMap(t *testing.T) {
	t.Parallel()
	r := &Report{}
	const units = 200
	for i := range units {
		for change := range 30 {
			phase := []Phase{PhaseWorking, PhaseHealth, PhaseFailed}[change%3]
			r.See(Unit{Name: fmt.Sprintf("flux-system/unit-%d", i), Detail: strings.Repeat("x", 2*maxDetail)}, phase, strings.Repeat("<", 2*maxWhy), time.Now())
		}
	}
	data, table, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(data)+len(table) > maxBytes {
		t.Errorf("%d bytes", len(data)+len(table))
	}
	again, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Units) != units || again.Saved.IsZero() || len(r.Units[0].Spans) != maxSpans {
		t.Errorf("%d units, saved at %s; %d spans of the first in memory", len(again.Units), again.Saved, len(r.Units[0].Spans))
	}
}

// What parts went through is the first to be left out, then the parts that are well: who failed stays, and so does all that
// is told of units.
func TestPartsAreTheFirstToBeLeftOut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parts               int
		partSpans, allThere bool
	}{"few": {20, true, true}, "many": {800, false, true}, "very many": {4500, false, false}} {
		r := &Report{Until: []string{"externalsecret/apps/secret-0"}}
		at := time.Now()
		for i := range 40 {
			unit := Unit{Name: fmt.Sprintf("flux-system/unit-%d", i), Ready: true, At: at}
			for _, phase := range []Phase{PhaseQueued, PhaseDepends, PhaseWorking, PhaseHealth, PhaseReady} {
				r.See(unit, phase, "dependency 'flux-system/other' is not ready", at)
			}
		}
		for i := range test.parts {
			part := Unit{Name: fmt.Sprintf("externalsecret/apps/secret-%d", i), By: "flux-system/unit-0", Part: true, Ready: true, At: at}
			for _, phase := range []Phase{PhaseQueued, PhaseDepends, PhaseWorking} {
				r.See(part, phase, strings.Repeat("x", 100), at)
			}
			if i%100 == 1 {
				part.Ready = false
				r.See(part, PhaseFailed, "no such secret", at)
				continue
			}
			r.See(part, PhaseReady, "", at)
		}
		data, table, err := r.encode()
		if err != nil || len(data)+len(table) > maxBytes {
			t.Fatalf("%s: %d bytes, %v", name, len(data)+len(table), err)
		}
		again, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, u := range again.Units {
			switch {
			case !u.Part && len(u.Spans) != 5:
				t.Errorf("%s: of %s %d spans are left", name, u.Name, len(u.Spans))
			case u.Part && !u.Ready && u.why() == "no such secret":
				failed++
			case u.Part && test.partSpans && len(u.Spans) != 4:
				t.Errorf("%s: of %s %d spans are left", name, u.Name, len(u.Spans))
			}
		}
		if failed != (test.parts+98)/100 || test.allThere != (again.DroppedParts == 0) || len(again.Units)+again.DroppedParts != 40+test.parts {
			t.Errorf("%s: %d failed parts, %d units, %d dropped", name, failed, len(again.Units), again.DroppedParts)
		}
		if again.unit("externalsecret/apps/secret-0") == nil || len(r.Units) != 40+test.parts || len(r.Units[41].Spans) != 4 {
			t.Errorf("%s: the goal is left out, or the report itself was cut", name)
		}
		if dropped := strings.Contains(string(table), "left out to save space"); dropped == test.allThere {
			t.Errorf("%s: the table says that parts are left out: %v", name, dropped)
		}
	}
}
