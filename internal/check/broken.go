package check

import (
	"errors"
	"strings"

	"github.com/tazlab/seed/internal/build"
)

// findBroken finds units that kustomize cannot build. What other findings explain better is left to them.
func findBroken(t *Tree) []Finding {
	explained := map[string]bool{}
	for _, find := range []func(*Tree) []Finding{findMissing, findNoIndex, findPath} {
		for _, f := range find(t) {
			explained[f.Unit], explained[f.File] = true, true
		}
	}
	var all []Finding
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			if unit.Failed == nil || errors.Is(unit.Failed, build.ErrMissing) || errors.Is(unit.Failed, build.ErrRemote) || t.isExplained(unit, explained) {
				continue
			}
			f := unit.finding("spec", "path")
			f.Why = "Flux cannot build it: " + oneLine(unit.Failed.Error()) + "."
			f.How = "Try \"kustomize build " + unit.Dir + "\" after each change."
			all = append(all, f)
		}
	}
	return all
}

func (t *Tree) isExplained(unit *Unit, explained map[string]bool) bool {
	if explained[unit.ID()] || !t.IsFolder(unit.Dir) {
		return true
	}
	for file := range t.Reached(unit.Dir) {
		if explained[file] {
			return true
		}
	}
	return false
}

func oneLine(text string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(text), " "), ".")
}
