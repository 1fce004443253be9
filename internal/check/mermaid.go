package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// GraphMermaid writes a flowchart of the units of all clusters (https://mermaid.js.org/syntax/flowchart.html). An arrow leads from
// a unit to what waits until it is Ready, a dotted one to a unit that it brings, or a box with the many, one with a label to where Pods
// wait for that; what is on the critical path has a thick border.
func GraphMermaid(w io.Writer, clusters []*Cluster) {
	fmt.Fprintln(w, "flowchart LR")
	var thick []string
	for i, c := range clusters {
		g := c.graph()
		// A name of a unit could be a word of Mermaid's own, as "end": units have numbers, and their names are labels.
		id := func(unit *Unit) string { return fmt.Sprintf("c%du%d", i, slices.Index(g.units, unit)) }
		fmt.Fprintf(w, "  subgraph c%d[\"%s\"]\n    direction LR\n", i, label(c.Name)) // a box without has the other direction
		g.mermaidUnits(w, id, fmt.Sprintf("c%d", i))
		for _, unit := range g.units {
			g.mermaidArrows(w, id, unit)
			g.mermaidPods(w, id, unit)
		}
		fmt.Fprintln(w, "  end")
		if chain := g.critical(); len(chain) > 1 {
			for _, l := range chain {
				thick = append(thick, id(l.unit))
			}
		}
	}
	if len(thick) > 0 {
		fmt.Fprintf(w, "  classDef critical stroke-width:3px\n  class %s critical\n", strings.Join(thick, ","))
	}
}

// mermaidUnits writes the units: in a box those of the fast track, and those that one brings if they are the most.
func (g *graph) mermaidUnits(w io.Writer, id func(*Unit) string, box string) {
	fast := func(unit *Unit) bool { return g.levels[unit] == 0 && !g.cycles[unit] }
	most := func(unit *Unit) bool { return g.most != nil && unit.Parent == g.most }
	g.mermaidBox(w, id, box+"fast", "fast track", fast)
	if g.most != nil {
		g.mermaidBox(w, id, box+"most", "brought by "+g.name(g.most), most)
		fmt.Fprintf(w, "    %s -.-> %smost\n", id(g.most), box)
	}
	for _, unit := range g.units {
		if !fast(unit) && !most(unit) {
			fmt.Fprintf(w, "    %s[\"%s\"]\n", id(unit), label(g.name(unit)))
		}
	}
}

// mermaidArrows writes the arrows from what a unit waits for, and from what brings it.
func (g *graph) mermaidArrows(w io.Writer, id func(*Unit) string, unit *Unit) {
	root := g.cluster.Root
	for _, first := range g.waits[unit] {
		if first != root {
			fmt.Fprintf(w, "    %s --> %s\n", id(first), id(unit))
		}
	}
	if unit.Parent != nil && unit.Parent != root && unit.Parent != g.most {
		fmt.Fprintf(w, "    %s -.-> %s\n", id(unit.Parent), id(unit))
	}
}

// mermaidBox writes some units in a box.
func (g *graph) mermaidBox(w io.Writer, id func(*Unit) string, box, title string, in func(*Unit) bool) {
	units := slices.DeleteFunc(slices.Clone(g.units), func(u *Unit) bool { return !in(u) })
	if len(units) == 0 {
		return
	}
	fmt.Fprintf(w, "    subgraph %s[\"%s\"]\n      direction LR\n", box, label(title))
	for _, unit := range units {
		fmt.Fprintf(w, "      %s[\"%s\"]\n", id(unit), label(g.name(unit)))
	}
	fmt.Fprintln(w, "    end")
}

// mermaidPods writes an arrow for each unit that the Pods of a unit wait for.
func (g *graph) mermaidPods(w io.Writer, id func(*Unit) string, unit *Unit) {
	var from []*Unit
	what := map[*Unit][]string{}
	for _, wait := range g.pods[unit] {
		if wait.by == nil || wait.by == unit || wait.by == g.cluster.Root || slices.Contains(what[wait.by], wait.what) {
			continue
		}
		if what[wait.by] == nil {
			from = append(from, wait.by)
		}
		what[wait.by] = append(what[wait.by], wait.what)
	}
	for _, by := range from {
		text := strings.Join(what[by], ", ")
		if n := len(what[by]); n > 2 {
			text = fmt.Sprintf("%s and %d more", what[by][0], n-1)
		}
		fmt.Fprintf(w, "    %s -.->|\"%s\"| %s\n", id(by), label(text), id(unit))
	}
}

// label writes a text between quotes with Mermaid's own entities.
func label(text string) string {
	return strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(text)
}
