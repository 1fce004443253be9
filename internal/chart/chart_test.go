package chart_test

import (
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/chart"
)

// The names are those of helm-controller's own function.
func TestShorten(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"web":                   "web",
		strings.Repeat("a", 53): strings.Repeat("a", 53),
		strings.Repeat("a", 54): strings.Repeat("a", 40) + "-a3f01b693925",
	} {
		if got := chart.Shorten(name); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
