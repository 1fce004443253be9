package figures_test

import (
	"testing"

	"github.com/tazlab/seed/castle/internal/figures"
)

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		values []float64
		spread string
	}{
		{nil, "-"},
		{[]float64{2}, "2.0"},
		{[]float64{3, 1, 2}, "2.0 (1.0 to 3.0)"},
		{[]float64{4, 1, 3, 2}, "2.5 (1.0 to 4.0)"},
	} {
		if got := figures.Spread(c.values, 1); got != c.spread {
			t.Errorf("%v: %s, want %s", c.values, got, c.spread)
		}
	}
	for _, c := range []struct {
		values, by []float64
		want       string
	}{
		{[]float64{3, 1, 2}, []float64{4}, "0.50"},
		{[]float64{1}, nil, "-"},
		{nil, []float64{1}, "-"},
		{[]float64{1}, []float64{0}, "-"},
	} {
		if got := figures.Ratio(c.values, c.by); got != c.want {
			t.Errorf("%v / %v: %s, want %s", c.values, c.by, got, c.want)
		}
	}
}

func TestValuesKeepTheirOrder(t *testing.T) {
	values := []float64{3, 1, 2}
	if figures.Median(values) != 2 || values[0] != 3 {
		t.Errorf("median %v of %v", figures.Median(values), values)
	}
}
