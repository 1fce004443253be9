package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// chart is the page of one report.
type chart struct {
	*writer
	scale
	r      *report.Report
	behind []*report.Unit // wait for what is suspended
}

// bar is a part of a row.
type bar struct {
	class    string // how it looks
	from, to time.Time
	title    string
}

// row is a line of the chart.
type row struct {
	name, done string
	start      time.Time
	bars       []bar
	path       []report.Leg // what of it is on the critical path
	part       bool         // it is shown below the unit that brought it
	parts      []row
}

// poll is the time between two looks of Flux at the health of what a unit brought: fixed in kustomize-controller 1.9.5,
// internal/controller/kustomization_controller.go, checkHealth.
const poll = 5 * time.Second

// names of the phases, for the legend and the words.
var phases = []struct {
	phase      report.Phase
	name, verb string
}{
	{report.PhaseWorking, "works", "worked"},
	{report.PhaseHealth, "health checks, a line every 5 s", "had its health checked"},
	{report.PhaseDepends, "waits", "waited for a dependency"},
	{report.PhaseFailed, "failed, waits for the next try", "waited for the next try"},
	{report.PhaseFolded, "many tries", "tried many times"},
	{report.PhaseSuspended, "suspended", "was suspended"},
	{report.PhaseUnknown, "not watched", "was not watched"},
	{report.PhaseAbsent, "", "was not in the cluster"},
	{report.PhaseQueued, "", "waited for Flux to look at it"},
	{report.PhaseSource, "", "waited for its source"},
}

func verb(phase report.Phase) string {
	for _, p := range phases {
		if p.phase == phase {
			return p.verb
		}
	}
	return string(phase)
}

func class(phase report.Phase) string {
	if phase.Waits() {
		return "wait"
	}
	return string(phase)
}

// draw is the Gantt chart.
func (c *chart) draw() {
	path := map[string][]report.Leg{}
	for _, leg := range c.r.CriticalPath() {
		path[leg.Name] = append(path[leg.Name], leg)
	}
	c.open("section", "aria-labelledby", "chart")
	c.put("h2", "Timeline", "id", "chart")
	c.legend()
	moments := c.moments()
	c.open("div", "class", "chart", "style", fmt.Sprintf("--lines:%d", len(moments)))
	c.axis()
	c.open("div", "class", "moments")
	for _, m := range moments {
		c.moment(m)
	}
	c.end("div")
	if !c.r.Live {
		c.rows("Machine and seed", "done at", c.steps(path))
	}
	c.rows("Units", "Ready at", c.units(path))
	c.end("div", "section")
}

func (c *chart) legend() {
	c.open("ul", "class", "legend", "aria-label", "Legend")
	for _, p := range phases {
		if p.name == "" || !c.has(p.phase) {
			continue
		}
		c.open("li")
		c.put("span", "", "class", "key bar "+class(p.phase), "style", "--poll:50%", "aria-hidden", "true")
		c.text(p.name)
		c.end("li")
	}
	c.open("li")
	c.put("span", "", "class", "key bar ready", "aria-hidden", "true")
	c.text("Ready")
	c.end("li")
	if c.r.Live {
		c.end("ul")
		return
	}
	c.open("li")
	c.put("span", "", "class", "key path", "aria-hidden", "true")
	c.put("span", "◆", "class", "mark")
	c.text("critical path")
	c.end("li", "ul")
}

// has tells whether the chart shows that phase.
func (c *chart) has(phase report.Phase) bool {
	if phase == report.PhaseWorking {
		return true
	}
	steps := slices.ContainsFunc(c.r.Steps, func(s report.Step) bool { return s.State == report.Failed || s.State == report.Blocked })
	if steps && (phase == report.PhaseFailed || phase == report.PhaseDepends) {
		return true
	}
	return slices.ContainsFunc(c.r.Units, func(u report.Unit) bool {
		return slices.ContainsFunc(u.Spans, func(s report.Span) bool { return class(s.Phase) == class(phase) })
	})
}

// axis is the marks of time, under all rows.
func (c *chart) axis() {
	c.open("div", "class", "axis", "aria-hidden", "true")
	for i, tick := range c.ticks() {
		at := 100 * float64(tick) / float64(c.width)
		style := "tick"
		if i%2 == 1 {
			style += " odd"
		}
		if at > 93 { // there is no room to its right
			style += " last"
		}
		c.open("span", "class", style, "style", left(at))
		c.put("span", clock(tick))
		c.end("span")
	}
	c.end("div")
}

// moment is a vertical line over all rows.
type moment struct {
	class, label string
	at           time.Time
}

// moments are the two that every birth is measured by, as far as they came, and the goal where it is neither.
func (c *chart) moments() []moment {
	var all []moment
	if app, at := c.r.FirstApp(); app != nil {
		all = append(all, moment{"first", "first app online " + c.since(at), at})
	}
	if at := c.r.Goal(); len(c.r.Until) > 0 && !at.IsZero() && !slices.ContainsFunc(all, func(m moment) bool { return m.at.Equal(at) }) {
		all = append(all, moment{"goal", "goal " + c.since(at), at})
	}
	if at := c.r.Everything(); !at.IsZero() {
		all = append(all, moment{"all", "everything " + c.since(at), at})
	}
	return all
}

func (c *chart) moment(m moment) {
	at := c.at(m.at)
	c.open("div", "class", "line "+m.class)
	c.put("span", "", "class", "rule", "style", left(at))
	// Shifted by as much of its own width it fits, wherever the line is.
	c.put("span", m.label, "class", "label", "style", fmt.Sprintf("%s;transform:translateX(-%.3f%%)", left(at), at))
	c.end("div")
}

func (c *chart) rows(name, done string, rows []row) {
	if len(rows) == 0 {
		return
	}
	c.open("h3", "class", "name")
	c.put("span", name)
	c.put("span", done)
	c.end("h3")
	c.open("ol")
	for _, row := range rows {
		c.row(row)
	}
	c.end("ol")
}

func (c *chart) row(row row) {
	class := "row"
	if len(row.path) > 0 && row.path[0].Unit {
		class += " critical"
	}
	if row.part {
		class += " part"
	}
	c.open("li", "class", class)
	c.open("div", "class", "name")
	c.open("span")
	if len(row.path) > 0 {
		c.put("span", "◆", "class", "mark")
	}
	c.text(row.name)
	c.end("span")
	c.put("span", row.done, "class", "done")
	c.end("div")
	c.open("div", "class", "track", "role", "img", "aria-label", words(row))
	for _, b := range row.bars {
		style := c.box(b.from, b.to)
		if b.class == string(report.PhaseHealth) {
			style += fmt.Sprintf(";--poll:%.3f%%", min(100*float64(poll)/float64(max(b.to.Sub(b.from), time.Millisecond)), 1000))
		}
		c.put("span", "", "class", "bar "+b.class, "style", style, "title", b.title)
	}
	for _, leg := range row.path {
		c.put("span", "", "class", "path", "style", c.box(leg.From, leg.To), "title",
			fmt.Sprintf("critical path: %s, of that %s waiting", lasted(leg.Took()), lasted(leg.Waited)))
	}
	c.end("div", "li")
}

// words says what a row shows.
func words(row row) string {
	var parts []string
	for _, b := range row.bars {
		parts = append(parts, b.title)
	}
	text := row.name + ": " + row.done
	if len(row.path) > 0 {
		text += ", on the critical path"
	}
	const most = 12
	if len(parts) > most {
		parts = append(parts[:most], "and so on")
	}
	return text + ". " + strings.Join(parts, "; ")
}
