package benchfollow

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tazlab/seed/castle/internal/figures"
	"github.com/tazlab/seed/castle/internal/images"
)

// result is the file: all that was measured, and where.
type result struct {
	Began time.Time `json:"began"`
	// Machine is the CPUs' number, the kernel and the architecture.
	Machine string `json:"machine"`
	// Revision is the checkout's commit, with "+" when it had changes; empty if that is not known.
	Revision string `json:"revision,omitempty"`
	// Images are those of Flux that take part.
	Images []string `json:"images"`
	Runs   int      `json:"runs"`
	// Flags are those of kustomize-controller beside its own, by variant.
	Flags   map[string][]string `json:"flags"`
	Samples []sample            `json:"samples"`
	Aims    []aim               `json:"aims"`
}

func newResult(ctx context.Context, root string, runs int) (result, error) {
	machine, err := figures.Machine()
	r := result{
		Began: time.Now().UTC().Truncate(time.Second), Machine: machine, Revision: revision(ctx, root), Runs: runs,
		Images: []string{images.SourceController.Name, images.KustomizeController.Name}, Flags: map[string][]string{},
	}
	for _, v := range variants {
		r.Flags[v.name] = append([]string{}, v.flags...)
	}
	return r, err
}

// revision asks git. A tree that is no checkout has none.
func revision(ctx context.Context, root string) string {
	commit, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		return ""
	}
	changed, err := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain").Output()
	if err != nil || len(changed) > 0 {
		return strings.TrimSpace(string(commit)) + "+"
	}
	return strings.TrimSpace(string(commit))
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
