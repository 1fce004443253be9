// Package figures tells what many measurements say together, as the benchmarks print it.
package figures

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// Median is the middle of the values, of which there must be one at least; of an even number it is the middle of the two.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Spread is "median (least to most)", one figure where all are the same, "-" where there is none.
func Spread(values []float64, digits int) string {
	if len(values) == 0 {
		return "-"
	}
	least, most := slices.Min(values), slices.Max(values)
	if least == most {
		return fmt.Sprintf("%.*f", digits, least)
	}
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, Median(values), digits, least, digits, most)
}

// Ratio is that of the medians, "-" where there is nothing to divide by.
func Ratio(values, by []float64) string {
	if len(values) == 0 || len(by) == 0 || Median(by) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", Median(values)/Median(by))
}

// Machine is on what machine this runs.
func Machine() (string, error) {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "", fmt.Errorf("read the kernel's version: %w", err)
	}
	return fmt.Sprintf("%d CPUs, Linux %s, %s", runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.GOARCH), nil
}
