// Package page draws a report as one HTML file that needs nothing else: no script, no font, no request.
package page

import (
	"fmt"
	"html"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// policy lets a browser load and run nothing, whatever a text in the report may hold.
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

// Write draws r. With an earlier report it shows what got faster or slower since.
func Write(out io.Writer, r, earlier *report.Report) error {
	w := &writer{}
	w.raw("<!DOCTYPE html>\n")
	w.open("html", "lang", "en")
	w.open("head")
	w.open("meta", "charset", "utf-8")
	w.open("meta", "http-equiv", "Content-Security-Policy", "content", policy)
	w.open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1")
	w.open("meta", "name", "color-scheme", "content", "light dark")
	w.raw("<title>" + html.EscapeString(title(r)) + "</title>")
	w.raw("<style>" + style + "</style>")
	w.end("head")
	w.open("body")
	w.open("main")
	c := &chart{writer: w, r: r, scale: newScale(r.Zero(), r.End()), path: r.CriticalPath()}
	_, c.behind = r.LeftOut()
	c.header()
	c.missing()
	c.draw()
	c.tables()
	if earlier != nil {
		c.compare(earlier)
	}
	c.words()
	w.end("main", "body", "html")
	_, err := io.WriteString(out, w.out.String())
	return err
}

func title(r *report.Report) string {
	const day = "2 January 2006, 15:04 UTC"
	switch {
	case r.Zero().IsZero():
		return "A birth without a record"
	case r.Live:
		return "The tree of units, as read " + r.Saved.UTC().Format(day)
	case r.Following():
		return "The tree of units, followed from " + r.Zero().UTC().Format(day)
	}
	return "Birth of " + r.Zero().UTC().Format(day)
}

// header has the numbers that matter, and what the record does not know.
func (c *chart) header() {
	c.open("header")
	c.put("h1", title(c.r))
	if c.r.Revision != "" {
		c.put("p", c.r.Revision, "class", "revision")
	}
	c.open("dl", "class", "numbers")
	if c.r.Live {
		c.number("Ready", c.r.Standing(), "")
	} else {
		c.goals()
	}
	if planted := c.r.Planted(); !planted.IsZero() && !c.r.Seed.IsZero() {
		c.number("seed's own work", lasted(planted.Sub(c.r.Seed)), "from its start to Flux and the root applied")
	}
	if !c.r.APIServer.IsZero() && !c.r.Machine.IsZero() {
		c.number("Machine and API server", c.since(c.r.APIServer), "to the nearest second")
	}
	if len(c.r.Nudges) > 0 {
		c.nudges()
	}
	if c.r.PeakMemory > 0 {
		c.number("seed's memory", fmt.Sprintf("%.1f MB", float64(c.r.PeakMemory)/1e6), "at most")
	}
	c.end("dl")
	for _, note := range c.notes() {
		c.put("p", note, "class", "note")
	}
	c.end("header")
}

// goals are the two moments that a birth is measured by, and the goal if there is one.
func (c *chart) goals() {
	app, at := c.r.FirstApp()
	name := "no app yet"
	switch {
	case c.r.Already(at):
		name = "which one was the first is not known"
	case app != nil:
		name = c.r.Short(app.Name)
	case !c.r.Watched():
		name = "not recorded"
	}
	c.milestone("First app online", at, name)
	if len(c.r.Until) > 0 {
		c.milestone("Goal", c.r.Goal(), c.r.Named())
	}
	c.milestone("Everything", c.r.Everything(), c.r.Standing())
}

func (c *chart) milestone(name string, at time.Time, detail string) {
	value := c.since(at)
	if passed, why, ok := c.r.Passed(at, detail); ok {
		value, detail = passed, why
	}
	c.number(name, value, detail)
}

// nudges are how often Flux was asked to look again, and since what.
func (c *chart) nudges() {
	sum := 0
	var causes []string
	for _, cause := range slices.Sorted(maps.Keys(c.r.Nudges)) {
		sum += c.r.Nudges[cause]
		causes = append(causes, fmt.Sprintf("%s %d", cause, c.r.Nudges[cause]))
	}
	times := fmt.Sprintf("%d\u00a0times", sum)
	if sum == 1 {
		times = "once"
	}
	c.number("Asked Flux to look again", times, strings.Join(causes, ", "))
}

func (c *chart) number(name, value, detail string) {
	c.open("div")
	c.put("dt", name)
	c.put("dd", value, "class", "value")
	c.put("dd", detail)
	c.end("div")
}

// notes are what a reader must know not to be misled.
func (c *chart) notes() []string {
	var notes []string
	if c.r.Live {
		notes = append(notes, "Read off the conditions of a running cluster, not recorded: when a unit was created and when it last became what it is, "+
			"in whole seconds. Flux sets that moment anew at each reconciliation, so it is not when the unit was Ready first; what it did or waited for before is not known.")
	}
	switch {
	case c.r.Following():
		notes = append(notes, "Somebody followed a cluster that lived already: times count from when that began. What was so by then is called \u201cbefore\u201d.")
	case c.r.Machine.IsZero() && !c.r.Live:
		notes = append(notes, "When the machine started is not known: times count from the first moment that is.")
	}
	if c.r.Dropped > 0 {
		notes = append(notes, fmt.Sprintf("%d earlier steps were dropped to save space.", c.r.Dropped))
	}
	if c.r.DroppedParts > 0 {
		notes = append(notes, fmt.Sprintf("%d of what the units brought is left out to save space.", c.r.DroppedParts))
	}
	if len(c.r.Units) > 0 && !c.r.Watched() {
		notes = append(notes, "An older seed wrote this: what units waited for was not recorded, only when each was Ready.")
	}
	if line := c.r.LeftOutLine(); line != "" {
		notes = append(notes, strings.ToUpper(line[:1])+line[1:]+".")
	}
	switch late := c.late(); {
	case late != "" && c.r.GoalFirst():
		notes = append(notes, "Not Ready when the goal stood, and not waited for: "+late+".")
	case late != "":
		notes = append(notes, "Not Ready "+c.when()+": "+late+".")
	}
	return notes
}

// late names the first of the units that should be Ready and are not.
func (c *chart) late() string {
	var late []string
	for _, u := range c.r.Late() {
		late = append(late, c.r.Short(u.Name))
	}
	const most = 5
	if len(late) > most {
		late = append(late[:most], fmt.Sprintf("and %d more", len(late)-most))
	}
	return strings.Join(late, ", ")
}

func (c *chart) when() string {
	switch {
	case c.r.Live:
		return "when this was read"
	case c.r.Saved.IsZero():
		return "when this was written"
	}
	return "when this was written, " + lasted(c.r.Saved.Sub(c.zero)) + " after the start"
}
