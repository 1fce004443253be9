package check

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// columns is how wide the text of a graph is.
const columns = 100

// crowd is how many units with one parent, or of one level with the same to say of them, are told together.
const crowd = 5

// GraphText writes for people in which order the units of c start, and what each of them, and its Pods, really waits for.
func (c *Cluster) GraphText(w io.Writer) {
	g := c.graph()
	fmt.Fprintf(w, "%s: %s below the root %s\n", c.Name, many(len(g.units), "unit"), c.Root.ID())
	levels := map[int][]*Unit{}
	var stuck []*Unit
	for _, unit := range g.units {
		if g.cycles[unit] {
			stuck = append(stuck, unit)
		} else {
			levels[g.levels[unit]] = append(levels[g.levels[unit]], unit)
		}
	}
	for _, level := range slices.Sorted(maps.Keys(levels)) {
		fmt.Fprintf(w, "\nlevel %d%s\n", level, map[bool]string{true: ", the fast track: these wait for nothing"}[level == 0])
		g.levelText(w, levels[level])
	}
	if len(stuck) > 0 {
		fmt.Fprintln(w)
		fold(w, 0, "never, for they wait for each other: "+g.names(stuck))
	}
	if never := g.never(); len(never) > 0 {
		fmt.Fprintln(w)
		fold(w, 0, "never Ready, for they wait for what comes only after them (SC209): "+g.names(never))
	}
	g.criticalText(w)
}

func (g *graph) levelText(w io.Writer, units []*Unit) {
	alike := map[string][]*Unit{}
	for _, unit := range units {
		if len(g.pods[unit]) == 0 {
			alike[g.said(unit)] = append(alike[g.said(unit)], unit)
		}
	}
	for _, unit := range units {
		said := g.said(unit)
		names := g.name(unit)
		if together := alike[said]; len(together) >= crowd && slices.Contains(together, unit) {
			if together[0] != unit {
				continue
			}
			names = g.names(together)
			said = strings.Replace(said, ": ", ": each ", 1)
		}
		fold(w, 2, names+said)
		for _, line := range g.saidOfPods(unit) {
			fold(w, 4, line)
		}
	}
}

// never are the units that are never Ready, though no dependency is to blame.
func (g *graph) never() []*Unit {
	var all []*Unit
	for _, d := range g.cluster.deadlocks() {
		if !slices.Contains(all, d.unit) {
			all = append(all, d.unit)
		}
	}
	return all
}

func (g *graph) criticalText(w io.Writer) {
	chain := g.critical()
	if len(chain) < 2 {
		return
	}
	text, pods := "", false
	for i, l := range chain {
		switch {
		case i == 0:
		case l.pods:
			text, pods = text+" ~> ", true
		default:
			text += " -> "
		}
		text += g.name(l.unit)
	}
	fmt.Fprintf(w, "\ncritical path, the longest chain: %s, one after the other (counted in units, not in time)\n", many(len(chain), "unit"))
	fold(w, 2, text)
	if pods {
		fmt.Fprintln(w, "  (~> where not the unit waits, but its Pods)")
	}
}

// said is what a unit waits for, in words.
func (g *graph) said(unit *Unit) string {
	var all []string
	if waits := g.waits[unit]; len(waits) > 0 {
		all = append(all, "waits for "+g.names(waits))
		implied := slices.DeleteFunc(slices.Clone(g.units), func(other *Unit) bool {
			return slices.Contains(waits, other) || other == unit.Parent || other == g.most || !g.leads(unit, other)
		})
		if len(implied) > 0 {
			all = append(all, "and so for "+g.names(implied))
		}
	}
	for _, ref := range unit.Spec.DependsOn {
		if namespace := cmp.Or(ref.Namespace, unit.Namespace); g.cluster.Unit(namespace, ref.Name) == nil {
			all = append(all, "needs "+namespace+"/"+ref.Name+", which is not in this cluster")
		}
	}
	if unit.Parent != nil && unit.Parent != g.cluster.Root && unit.Parent != g.most {
		all = append(all, "is brought by "+g.name(unit.Parent))
	}
	if unit == g.most {
		all = append(all, fmt.Sprintf("brings %s, which is not said of each", many(len(g.children(unit)), "unit")))
	}
	if unit.Spec.Suspend {
		all = append(all, "is suspended")
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, ", ")
}

// saidOfPods is what the Pods of a unit wait for by themselves: a line for each app, or for those that wait for the same.
func (g *graph) saidOfPods(unit *Unit) []string {
	var apps []*Object
	waits := map[*Object][]string{}
	for _, w := range g.pods[unit] {
		if waits[w.Object] == nil {
			apps = append(apps, w.Object)
		}
		waits[w.Object] = append(waits[w.Object], g.saidOf(w))
	}
	var texts []string
	names := map[string][]string{}
	for _, app := range apps {
		text := strings.Join(waits[app], ", ")
		if names[text] == nil {
			texts = append(texts, text)
		}
		names[text] = append(names[text], app.GetName())
	}
	for i, text := range texts {
		texts[i] = fmt.Sprintf("Pods of %s wait for %s", strings.Join(names[text], ", "), text)
	}
	return texts
}

// saidOf is one thing that Pods wait for, with the unit and the object that it comes from, as far as these are known and say more.
func (g *graph) saidOf(w wait) string {
	text := w.what
	if w.by != nil && w.by != w.Unit && !w.ready {
		text += " of " + g.name(w.by)
	}
	if w.from == nil || w.ready {
		return text
	}
	by := called(w.from.GetKind(), w.from.GetNamespace(), w.from.GetName(), w.GetNamespace())
	if by == w.what { // it is the object itself
		return text
	}
	by = strings.TrimSuffix(by, strings.TrimPrefix(w.what, "Secret")) // of the same name
	if name, store := g.cluster.store(w.from); name != "" {
		by += ", " + name
		if store != nil && store.Unit != w.by {
			by += " of " + g.name(store.Unit)
		}
	}
	return text + " (" + by + ")"
}

// fold writes a text, broken between words, with an indent that is deeper from the second line on.
func fold(w io.Writer, indent int, text string) {
	line := strings.Repeat(" ", indent)
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > columns:
			fmt.Fprintln(w, line)
			line = strings.Repeat(" ", indent+4) + word
		default:
			line += " " + word
		}
	}
	fmt.Fprintln(w, line)
}
