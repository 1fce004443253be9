package page

import (
	"fmt"
	"strings"

	"github.com/tazlab/seed/internal/report"
)

// tables are the critical path, the slowest, and what the apps waited for.
func (c *chart) tables() {
	if c.r.Live { // how long anything took is not known
		return
	}
	c.open("div", "class", "tables")
	c.section("The critical path", "What decided when everything stood. Making anything else faster gains nothing.",
		[]string{"Part", "From", "Took", "Waiting"}, c.legs(c.r.CriticalPath()))
	c.section("The slowest five", "Steps with all their tries, and units from when all that they need was there.",
		[]string{"Step or unit", "From", "Took", "Waiting"}, c.legs(c.r.Slowest(5)))
	var apps [][]string
	for _, app := range c.r.Apps() {
		waits := c.r.WaitedIn(app, lasted)
		if app.Unchecked {
			waits += " (Ready says only that it was applied)"
		}
		apps = append(apps, []string{c.r.Short(app.Name), c.since(app.At), waits})
	}
	c.section("What each app waited for", "Units with a workload that no other unit depends on. What their Pods waited for by themselves is not in here.",
		[]string{"App", "Ready", "Waited for"}, apps)
	c.end("div")
}

// missing says why the goal does not stand, each reason once.
func (c *chart) missing() {
	if c.r.Reached() || !c.r.Watched() {
		return
	}
	var rows [][]string
	for _, m := range c.r.Missing() {
		waits := "–"
		if len(m.Waiting) > 0 {
			waits = c.r.WaitFor(m, 5)
		}
		rows = append(rows, []string{c.r.Short(m.Unit), string(m.Cause), m.Why, waits})
	}
	c.open("div", "class", "missing")
	c.section("What is missing", "Where the waiting ends: look at these. The rest waits for them.", []string{"Unit", "Is", "What Flux says", "Who waits"}, rows)
	c.end("div")
}

func (c *chart) section(title, text string, heads []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	c.open("section")
	c.put("h2", title)
	c.put("p", text)
	c.table(heads, rows)
	c.end("section")
}

func (c *chart) legs(legs []report.Leg) [][]string {
	var rows [][]string
	for _, leg := range legs {
		waited := "–"
		if leg.Waited > 0 {
			waited = lasted(leg.Waited)
		}
		rows = append(rows, []string{c.r.Short(leg.Name), c.since(leg.From), lasted(leg.Took()), waited})
	}
	return rows
}

// words is the chart once more, to be read.
func (c *chart) words() {
	if len(c.r.Units) == 0 {
		return
	}
	var rows [][]string
	for _, u := range c.r.Rows() {
		var needs []string
		for _, need := range u.Needs {
			needs = append(needs, c.r.Short(need))
		}
		rows = append(rows, []string{c.r.Short(u.Name), c.ready(u), strings.Join(needs, ", "), c.r.WaitedIn(u, lasted), u.Detail})
	}
	c.open("details")
	c.put("summary", fmt.Sprintf("Every unit in words (%d)", len(rows)))
	c.open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label", "Every unit in words")
	c.table([]string{"Unit", "Ready", "Depends on", "Waited for", "Revision or reason"}, rows)
	c.end("div", "details")
}
