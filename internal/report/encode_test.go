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
