package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/tazlab/seed/castle/internal/figures"
)

// write prints medians and spreads, and the ratio of the medians.
func write(out io.Writer, runs int, seed, stock []Sample) error {
	fmt.Fprintf(out, "\nseconds after the first object was given to the API server; median (least to most) of %d runs\n\n", runs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MOMENT\tSEED\tSTOCK FLUX BY HAND\tSEED / STOCK")
	for _, moment := range []string{seedStarts, credential, fluxApplied, rootReady, blogAnswers, allReady, ownPath, rootAfter, blogAfter, peakMemory} {
		a, b := values(seed, moment), values(stock, moment)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", moment, figures.Spread(a, 2), figures.Spread(b, 2), figures.Ratio(a, b))
	}
	return w.Flush()
}

// values are one moment's in seconds; none if this kind of birth does not have it.
func values(samples []Sample, moment string) []float64 {
	var all []float64
	for _, sample := range samples {
		if took, ok := sample[moment]; ok {
			all = append(all, took.Seconds())
		}
	}
	return all
}
