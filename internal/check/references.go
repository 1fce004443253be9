package check

import (
	"fmt"
	"path"
	"path/filepath"
)

// findMissing finds references of kustomization.yaml files that lead nowhere, or to a file where a folder is needed.
func findMissing(t *Tree) []Finding {
	var all []Finding
	t.eachRef(func(c *Cluster, unit *Unit, index *Index, ref Ref) {
		f := Finding{File: index.File, Line: ref.Line, Unit: unit.ID()}
		dir := path.Dir(ref.Path)
		switch {
		case t.IsFolder(ref.Path), t.IsFile(ref.Path) && !ref.folder(), t.elsewhere(c, ref.Path):
			return
		case t.IsFile(ref.Path):
			f.Why = fmt.Sprintf("%s names %s, which is a file where a folder is needed, so kustomize ends with \"not a directory\".", ref.Field, ref.Text)
			f.How = "List it under resources, or name a folder with a kustomization.yaml."
			if t.Index(dir) != nil && ref.Field == "components" && isIndex(ref.Path) {
				f.How = fmt.Sprintf("Name its folder: %s.", relative(index.Dir, dir))
			}
		case t.inCheckout(ref.Path):
			f.Why = fmt.Sprintf("%s names %s, which is in the checkout but not in Flux's artifact: it is a link, or .sourceignore or Flux's default rules leave it out.", ref.Field, ref.Text)
			f.How = "Let it in with a line !/" + ref.Path + " in .sourceignore, or put a copy in the place of a link."
		default:
			f.Why = fmt.Sprintf("%s names %s, which is not in the repository, so the unit cannot be built.", ref.Field, ref.Text)
			f.How = t.advice(ref.Path, index.Dir, func(name string) bool { return t.fits(ref, index, name) })
		}
		all = append(all, f)
	})
	return append(all, t.missingComponents()...)
}

// missingComponents is findMissing for spec.components of units.
func (t *Tree) missingComponents() []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			for _, component := range unit.Spec.Components {
				dir := within(unit.Dir, component)
				if unit.Dir == "" || unit.Spec.IgnoreMissingComponents || !t.IsFolder(unit.Dir) || dir == "" || t.IsFolder(dir) || t.elsewhere(c, dir) || !Substituted(component) {
					continue
				}
				f := unit.finding("spec", "components", component)
				f.Why = fmt.Sprintf("spec.components names %s, which is no folder of the repository (the path begins at spec.path), so the unit cannot be built.", component)
				f.How = t.advice(dir, unit.Dir, func(name string) bool { return t.IsFolder(name) && t.Index(name) != nil && name != unit.Dir })
				all = append(all, f)
			}
		}
	}
	return all
}

// fits tells whether a name could be what a reference means.
func (t *Tree) fits(ref Ref, index *Index, name string) bool {
	if name == index.Dir || below(name, index.File) && t.IsFolder(name) {
		return false // kustomize would go round in circles
	}
	if t.IsFolder(name) {
		return ref.tree() && t.Index(name) != nil
	}
	return !ref.folder() && path.Ext(name) == path.Ext(ref.Path) && !isIndex(name) && !t.inUse(name)
}

// inUse tells whether a unit is built from a file: it is not the one that another reference means.
func (t *Tree) inUse(name string) bool {
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			if unit.File == name || t.ReadBy(unit)[name] {
				return true
			}
		}
	}
	return false
}

// advice says what to write instead of what leads nowhere.
func (t *Tree) advice(missing, from string, wanted func(string) bool) string {
	if meant := t.meant(missing, wanted); meant != "" {
		return fmt.Sprintf("Did you mean %s?", filepath.ToSlash(relative(from, meant)))
	}
	return "Correct the path, remove the line, or add what it names."
}

// findNoIndex finds references to folders that kustomize cannot build.
func findNoIndex(t *Tree) []Finding {
	var all []Finding
	t.eachRef(func(c *Cluster, unit *Unit, index *Index, ref Ref) {
		if !ref.tree() || !t.IsFolder(ref.Path) || t.Index(ref.Path) != nil || t.elsewhere(c, path.Join(ref.Path, "kustomization.yaml")) {
			return
		}
		all = append(all, Finding{
			File: index.File, Line: ref.Line, Unit: unit.ID(),
			Why: fmt.Sprintf("%s names the folder %s, which has no kustomization.yaml: Flux makes one up only for the folder of spec.path, not for one that another refers to.", ref.Field, ref.Text),
			How: "Add a kustomization.yaml there, or list its files here.",
		})
	})
	return all
}

// findPath finds units whose folder is not there.
func findPath(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			if unit.Dir == "" || t.IsFolder(unit.Dir) || t.elsewhere(c, unit.Dir) || !Substituted(unit.Spec.Path) {
				continue
			}
			f := unit.finding("spec", "path")
			f.Why = fmt.Sprintf("spec.path is %s, and the repository has no such folder, so the unit brings nothing.", unit.Spec.Path)
			f.How = t.advice(unit.Dir, ".", t.IsFolder)
			switch {
			case t.IsFile(unit.Dir):
				f.Why = fmt.Sprintf("spec.path is %s, which is a file, so Flux ends with \"not a directory\".", unit.Spec.Path)
				f.How = "Name its folder: ./" + path.Dir(unit.Dir) + "."
			case t.inCheckout(unit.Dir):
				f.Why = fmt.Sprintf("spec.path is %s, and Flux's artifact has no such folder: .sourceignore or Flux's default rules leave out all that is in it.", unit.Spec.Path)
				f.How = "Let it in with a line !/" + unit.Dir + " in .sourceignore."
			}
			all = append(all, f)
		}
	}
	return all
}

// eachRef calls see for each reference of each index that a unit's build reads, once for each cluster.
func (t *Tree) eachRef(see func(c *Cluster, unit *Unit, index *Index, ref Ref)) {
	for _, c := range t.Clusters {
		seen := map[string]bool{}
		for _, unit := range c.Units {
			for file := range t.ReadBy(unit) {
				if index := t.Index(path.Dir(file)); index != nil && index.File == file && !seen[file] {
					seen[file] = true
					for _, ref := range index.Refs {
						if ref.Path != "" {
							see(c, unit, index, ref)
						}
					}
				}
			}
		}
	}
}
