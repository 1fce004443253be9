//go:build agent

package chart_test

import (
	"errors"
	"testing"

	"github.com/tazlab/seed/internal/chart"
)

// The seed of the image says that it has no Helm.
func TestAgent(t *testing.T) {
	t.Parallel()
	objects, err := chart.Render("../..", chart.Release{Chart: "charts/waitfor", Name: "a"})
	if len(objects) > 0 || !errors.Is(err, chart.ErrAgent) {
		t.Errorf("%v, %v", objects, err)
	}
}
