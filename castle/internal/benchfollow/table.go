package benchfollow

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tazlab/seed/castle/internal/figures"
)

// row is one line of a tree's table: a figure of each variant.
type row struct {
	name   string
	digits int
	value  func(sample) float64
}

// rows are those of every tree.
func rows(t tree) []row {
	all := []row{{"root created to the last unit Ready, s", 2, seconds}}
	if t.levels > 1 {
		all = append(all, row{"one level, s", 2, perLevel(t)})
	}
	return append(all, row{"API requests in that time", 0, cost},
		row{"of kustomize-controller: reads", 0, func(s sample) float64 { return float64(s.Requests[controller].Reads) }},
		row{"writes", 0, func(s sample) float64 { return float64(s.Requests[controller].Writes) }},
		row{"watches opened", 0, func(s sample) float64 { return float64(s.Requests[controller].Watches) }},
		row{"of seed: reads", 0, func(s sample) float64 { return float64(s.Requests[follower].Reads) }},
		row{"writes", 0, func(s sample) float64 { return float64(s.Requests[follower].Writes) }},
		row{"watches opened", 0, func(s sample) float64 { return float64(s.Requests[follower].Watches) }},
		row{"of seed before that, to begin (not in the sum)", 0, func(s sample) float64 {
			if s.Before == nil {
				return 0
			}
			return float64(s.Before.all())
		}},
		row{"for leader election (not in the sum)", 0, func(s sample) float64 {
			return float64(s.Requests[controller].Lease + s.Requests[follower].Lease)
		}},
	)
}

// write prints a table for each tree in Markdown, and what became of the aims.
func (r *result) write(out io.Writer) error {
	var w strings.Builder
	fmt.Fprintf(&w, "\n`make bench-follow`, median (least to most) of %d runs; %s; %s\n", r.Runs, r.Machine, strings.Join(r.Images, ", "))
	for _, t := range append(generated(), tree{name: real, title: "the castle's own tree"}) {
		if t.name != warmUp && slices.ContainsFunc(r.Samples, func(s sample) bool { return s.Tree == t.name }) {
			r.table(&w, t)
		}
	}
	w.WriteString("\nThe aims, for the chain of 5:\n\n")
	for _, a := range r.aims() {
		fmt.Fprintf(&w, "- %s\n", a)
	}
	_, err := io.WriteString(out, w.String())
	return err
}

// table is one tree's: its figures, and times as ratios to those of stock Flux and of seed. It has the variants that were measured.
func (r *result) table(w *strings.Builder, t tree) {
	var columns []variant
	for _, v := range variants {
		if len(r.of(t.name, v.name, seconds)) > 0 {
			columns = append(columns, v)
		}
	}
	fmt.Fprintf(w, "\n| %s |", t.title)
	for _, v := range columns {
		fmt.Fprintf(w, " %s |", v.title)
	}
	w.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	line := func(name string, cell func(times []float64, variant string) string) {
		fmt.Fprintf(w, "| %s |", name)
		for _, v := range columns {
			fmt.Fprintf(w, " %s |", cell(r.of(t.name, v.name, seconds), v.name))
		}
		w.WriteString("\n")
	}
	byStock, bySeed := r.of(t.name, stockFlux, seconds), r.of(t.name, withSeed, seconds)
	for i, row := range rows(t) {
		line(row.name, func(_ []float64, v string) string { return figures.Spread(r.of(t.name, v, row.value), row.digits) })
		if i == 0 {
			line("stock Flux's time / this", func(times []float64, _ string) string { return figures.Ratio(byStock, times) })
			line("this / seed's time", func(times []float64, _ string) string { return figures.Ratio(times, bySeed) })
		}
	}
}
