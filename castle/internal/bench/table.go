package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// write prints medians and spreads, and the ratio of the medians.
func write(out io.Writer, runs int, seed, stock []Sample) error {
	fmt.Fprintf(out, "\nseconds after the first object was given to the API server; median (least to most) of %d runs\n\n", runs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MOMENT\tSEED\tSTOCK FLUX BY HAND\tSEED / STOCK")
	for _, moment := range []string{seedStarts, credential, fluxApplied, rootReady, blogAnswers, ownPath, rootAfter, blogAfter, peakMemory} {
		a, b := values(seed, moment), values(stock, moment)
		ratio := "-"
		if len(a) > 0 && len(b) > 0 {
			ratio = fmt.Sprintf("%.2f", median(a).Seconds()/median(b).Seconds())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", moment, spread(a), spread(b), ratio)
	}
	return w.Flush()
}

// values are one moment's, sorted; empty if this kind of birth does not have it.
func values(samples []Sample, moment string) []time.Duration {
	var all []time.Duration
	for _, sample := range samples {
		if took, ok := sample[moment]; ok {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return all
}

func median(sorted []time.Duration) time.Duration {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func spread(sorted []time.Duration) string {
	if len(sorted) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(sorted).Seconds(), sorted[0].Seconds(), sorted[len(sorted)-1].Seconds())
}
