package benchfollow

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/tazlab/seed/castle/internal/figures"
	"github.com/tazlab/seed/castle/internal/images"
)

// result is the file: all that was measured, and where.
type result struct {
	Began time.Time `json:"began"`
	// Machine is the CPUs' number, the kernel and the architecture.
	Machine string `json:"machine"`
	// Revision is the commit that the castle was built from, with "+" when it had changes; empty if that is not known.
	Revision string `json:"revision,omitempty"`
	// Images are those of Flux that take part.
	Images []string `json:"images"`
	Runs   int      `json:"runs"`
	// Flags are those of kustomize-controller beside its own, by variant.
	Flags   map[string][]string `json:"flags"`
	Samples []sample            `json:"samples"`
	Aims    []aim               `json:"aims"`
}

func newResult(runs int) (result, error) {
	machine, err := figures.Machine()
	r := result{
		Began: time.Now().UTC().Truncate(time.Second), Machine: machine, Revision: revision(), Runs: runs,
		Images: []string{images.SourceController.Name, images.KustomizeController.Name}, Flags: map[string][]string{},
	}
	for _, v := range variants {
		r.Flags[v.name] = append([]string{}, v.flags...)
	}
	return r, err
}

// revision is what Go's linker knows of the checkout.
func revision() string {
	info, _ := debug.ReadBuildInfo()
	var commit, changed string
	if info != nil {
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				commit = setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				changed = "+"
			}
		}
	}
	return commit + changed
}

// save writes the file, unless there is nothing to say or none is wanted.
func (r *result) save(file string) error {
	if file == "" || len(r.Samples) == 0 {
		return nil
	}
	r.Aims = r.aims()
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o644) //nolint:gosec // figures for everybody
	}
	if err != nil {
		return fmt.Errorf("keep what was measured: %w", err)
	}
	return nil
}

// of are the values of a tree and variant, in the order of the runs.
func (r *result) of(tree, variant string, value func(sample) float64) []float64 {
	var all []float64
	for _, s := range r.Samples {
		if s.Tree == tree && s.Variant == variant {
			all = append(all, value(s))
		}
	}
	return all
}

func seconds(s sample) float64 { return s.Seconds }

// cost is what both asked for, without their leader election.
func cost(s sample) float64 {
	return float64(s.Requests[controller].all() + s.Requests[follower].all())
}

// perLevel is what each unit of a chain comes later than the one before.
func perLevel(t tree) func(sample) float64 {
	return func(s sample) float64 {
		first, last := t.units[0].name, t.units[len(t.units)-1].name
		return (s.Units[last] - s.Units[first]) / float64(t.levels-1)
	}
}
