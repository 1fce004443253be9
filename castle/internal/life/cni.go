package life

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/castle/internal/node"
)

// Ways in which the node gets its CNI, for Options.CNI; beside these late=DURATION.
const (
	// CNINow is from the start.
	CNINow = "now"
	// CNITree is by the tree: a planted unit brings it.
	CNITree = "tree"
	// CNILate, followed by a duration, is from outside, so long after the API server answered.
	CNILate = "late="
)

// network is an Options.CNI that was read.
type network struct {
	// tree: a unit of the tree brings it.
	tree bool
	// outside: the castle brings it, after so long; otherwise it never does.
	outside bool
	after   time.Duration
}

// held tells whether the node starts without a network.
func (n network) held() bool { return n.tree || n.outside }

func parseCNI(spec string) (network, error) {
	after, late := strings.CutPrefix(spec, CNILate)
	switch {
	case spec == "" || spec == CNINow:
		return network{}, nil
	case spec == CNITree:
		return network{tree: true}, nil
	case late:
		if d, err := time.ParseDuration(after); err == nil && d >= 0 {
			return network{outside: true, after: d}, nil
		}
	}
	return network{}, fmt.Errorf("--cni %s: want %s, %s, or %s and a time such as %s20s", spec, CNINow, CNITree, CNILate, CNILate)
}

// BringCNI gives the node its network where it comes late from outside: so long after the API server answered. It returns when
// that is done, or with ctx.
func (c *Castle) BringCNI(ctx context.Context) error {
	if !c.network.outside {
		return nil
	}
	report, err := node.Status(c.NodeDir())
	if err != nil {
		return fmt.Errorf("find out when the API server answered: %w", err)
	}
	at := slices.IndexFunc(report.Events, func(e node.Event) bool { return e.Name == node.APIReady })
	if at < 0 {
		return errors.New("bring the network late: the API server has not answered yet")
	}
	answered := report.Events[at]
	select {
	case <-time.After(time.Until(answered.Time.Add(c.network.after))):
	case <-ctx.Done():
		return ctx.Err()
	}
	fmt.Fprintf(c.screen, "%6.1fs  the network comes\n", (answered.Elapsed + time.Since(answered.Time)).Seconds())
	return node.AddCNI(c.NodeDir())
}

// SetCNI adds to a copy of the tree the unit that brings the node's network.
func SetCNI(tree string) error {
	const base, component = "  - ../base\n", "  - components/cni\n"
	file := filepath.Join(tree, Cluster, "kustomization.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("add the network to the tree: %w", err)
	}
	if strings.Count(string(content), base) != 1 {
		return fmt.Errorf("add the network to the tree: %s does not have the line %q once", file, strings.TrimSpace(base))
	}
	return os.WriteFile(file, []byte(strings.Replace(string(content), base, base+component, 1)), 0o600)
}
