package check

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// findUnset finds variables that nobody gives a value. A unit with variables from elsewhere has none.
func findUnset(t *Tree) []Finding {
	var all []Finding
	lenient := t.spoken("StrictPostBuildSubstitutions=false", nil)
	for _, c := range t.Clusters {
		seen := map[string]bool{}
		for _, o := range c.Objects() {
			for _, name := range o.Unset {
				if seen[o.Unit.ID()+" "+name] {
					continue // the first place is enough
				}
				seen[o.Unit.ID()+" "+name] = true
				f := o.finding()
				f.Line = t.lineOfVariable(o, name)
				f.Why = fmt.Sprintf("The variable %s has no value in cluster %s, so Flux refuses the whole unit (an older one fills in nothing).", name, c.Name)
				f.How = fmt.Sprintf("Give it a value in what spec.postBuild of unit %s names, or write a default: ${%s:=value}.", o.Unit.ID(), name)
				if len(o.Unit.Spec.PostBuild.SubstituteFrom) == 0 {
					f.How = fmt.Sprintf("Give it a value in spec.postBuild.substitute of unit %s, or write a default: ${%s:=value}.", o.Unit.ID(), name)
				}
				if lenient {
					f.Severity = Warning
					f.Why = fmt.Sprintf("The variable %s has no value in cluster %s, so Flux fills in nothing: StrictPostBuildSubstitutions is off.", name, c.Name)
				}
				all = append(all, f)
			}
		}
	}
	return all
}

// lineOfVariable is the first line of an object's document with a variable in it: the object's own if there is none.
func (t *Tree) lineOfVariable(o *Object, name string) int {
	data, err := os.ReadFile(filepath.Join(t.dir, o.File))
	if err != nil {
		return o.Line
	}
	variable := regexp.MustCompile(`(^|[^$])\$\{` + regexp.QuoteMeta(name) + `\b`) // $${ is none
	for i, line := range strings.Split(string(data), "\n") {
		if i+1 >= o.Line && variable.MatchString(line) {
			return i + 1
		}
	}
	return o.Line
}
