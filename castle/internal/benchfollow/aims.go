package benchfollow

import (
	"fmt"

	"github.com/tazlab/seed/castle/internal/figures"
)

// aim is what seed is measured by: of the chain of 5, by the medians.
type aim struct {
	What     string  `json:"what"`
	Measured float64 `json:"measured"`
	Met      bool    `json:"met"`
	// Missing is the variant that was not measured; then there is no more to say.
	Missing string `json:"missing,omitempty"`
}

// String is one line of the benchmark's output.
func (a aim) String() string {
	switch {
	case a.Missing != "":
		return fmt.Sprintf("not measured (%s): %s", a.Missing, a.What)
	case a.Met:
		return fmt.Sprintf("met: %s: %.2f", a.What, a.Measured)
	}
	return fmt.Sprintf("missed: %s: %.2f", a.What, a.Measured)
}

func (r *result) aims() []aim {
	level := perLevel(generated()[0])
	all := []struct {
		what  string
		by    string // the variant that seed is compared with
		value func(sample) float64
		met   func(ratio float64) bool
	}{
		{"at least 8 times faster than stock Flux", stockFlux, seconds, func(ratio float64) bool { return ratio >= 8 }},
		{"at least 2 times faster than with 5s", every5s, seconds, func(ratio float64) bool { return ratio >= 2 }},
		{"not slower than with 1s (1 or more times as fast)", every1s, seconds, func(ratio float64) bool { return ratio >= 1 }},
		{"with fewer API requests than with 1s (more than 1 times as many there)", every1s, cost, func(ratio float64) bool { return ratio > 1 }},
		{"less than 0.5 s per level", "", level, func(seconds float64) bool { return seconds < 0.5 }},
	}
	aims := make([]aim, len(all))
	for i, want := range all {
		aims[i].What = want.what
		own, other := r.of(chain, withSeed, want.value), r.of(chain, want.by, want.value)
		switch {
		case len(own) == 0:
			aims[i].Missing = withSeed
			continue
		case want.by == "":
			aims[i].Measured = figures.Median(own)
		case len(other) == 0:
			aims[i].Missing = want.by
			continue
		default:
			aims[i].Measured = figures.Median(other) / figures.Median(own)
		}
		aims[i].Met = want.met(aims[i].Measured)
	}
	return aims
}
