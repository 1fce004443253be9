package check

import (
	"cmp"
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/tazlab/seed/internal/build"
)

// findBroken finds units that kustomize cannot build. What other findings explain better is left to them.
func findBroken(t *Tree) []Finding {
	explained := map[string]bool{}
	for _, find := range []func(*Tree) []Finding{findMissing, findNoIndex} {
		for _, f := range find(t) {
			explained[f.File] = true
		}
	}
	var all []Finding
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			if misnamed, is := errors.AsType[build.Misnamed](unit.Failed); is {
				all = append(all, c.misnamed(unit, misnamed.Names)...)
				continue
			}
			switch {
			case unit.Failed == nil, errors.Is(unit.Failed, build.ErrRemote), !t.IsFolder(unit.Dir), unit != c.Root && explained[unit.File]:
				continue
			case errors.Is(unit.Failed, build.ErrMissing) && t.elsewhere(c, unit.Dir+"/kustomization.yaml"), t.isExplained(unit, explained):
				continue
			}
			all = append(all, t.broken(c, unit))
		}
	}
	return all
}

// broken says why a unit cannot be built: at the file that is not YAML, or at the unit.
func (t *Tree) broken(c *Cluster, unit *Unit) Finding {
	for _, name := range slices.Sorted(maps.Keys(t.ReadBy(unit))) {
		file := t.File(name)
		if file == nil || file.Err == nil {
			continue
		}
		f := Finding{File: name, Unit: unit.ID(), How: "Correct it: the place is that line, or one before it."}
		f.Why = "It is not YAML, so the unit cannot be built: " + oneLine(file.Err.Error()) + "."
		if found := lineNumber.FindStringSubmatch(file.Err.Error()); found != nil {
			f.Line, _ = strconv.Atoi(found[1])
		}
		return f
	}
	f := unit.finding("spec", "path")
	f.Why = "Flux cannot build it: " + oneLine(t.withoutFolders(unit.Failed.Error())) + "."
	f.How = "Try \"kustomize build " + cmp.Or(unit.Dir, ".") + "\" after each change."
	switch {
	case errors.Is(unit.Failed, build.ErrFilled):
		f.How = "Correct the value in what spec.postBuild of the unit names."
	case c.reveals(unit.Parent): // kustomize repeats patches, which the parent may have filled in
		f.Why = "Flux cannot build it; the reason may have what is secret in it."
	}
	return f
}

// reveals tells whether values of a Secret that the tree has in the clear may be in what a unit applies.
func (c *Cluster) reveals(unit *Unit) bool {
	if unit == nil {
		return false
	}
	known := func(ref kustomizev1.SubstituteReference) bool {
		secret := c.Find("", "Secret", unit.Namespace, ref.Name)
		return ref.Kind == "Secret" && secret != nil && secret.Object["sops"] == nil
	}
	post := unit.Spec.PostBuild
	return post != nil && slices.ContainsFunc(post.SubstituteFrom, known) || c.reveals(unit.Parent)
}

var lineNumber = regexp.MustCompile(`line (\d+)`)

// withoutFolders removes the temporary folders from an error: their names say nothing to anybody.
func (t *Tree) withoutFolders(text string) string {
	text = strings.ReplaceAll(text, t.dir+"/", "")
	return strings.ReplaceAll(text, filepath.Join(t.temporary, "artifacts")+"/", "")
}

// isExplained tells whether a file that the unit is built from has a finding already.
func (t *Tree) isExplained(unit *Unit, explained map[string]bool) bool {
	for file := range t.ReadBy(unit) {
		if explained[file] {
			return true
		}
	}
	return false
}

func oneLine(text string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(text), " "), ".")
}
