package page_test

import (
	"os"
	"testing"

	"github.com/tazlab/seed/internal/page"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

func TestLook(t *testing.T) {
	os.MkdirAll("/tmp/report-look", 0o755)
	w := func(n string, r, e *report.Report) {
		f, _ := os.Create("/tmp/report-look/" + n + ".html")
		defer f.Close()
		if err := page.Write(f, r, e); err != nil {
			t.Error(err)
		}
	}
	w("castle", births.Castle(), births.Later(births.Castle(), 1.6))
	w("blocked", births.Blocked(), nil)
	w("tiny", births.Tiny(), nil)
	w("large", births.Large(), nil)
	w("old", births.Old(), nil)
}
