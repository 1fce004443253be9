package page

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// writer writes HTML. html/template would do, but calls methods by name, which the linker pays for with megabytes: so
// every text and every attribute goes through here, and here alone is what is escaped.
type writer struct{ out strings.Builder }

// raw writes what is HTML already.
func (w *writer) raw(html string) { w.out.WriteString(html) }

// open begins an element. The attributes are pairs of name and value.
func (w *writer) open(tag string, attributes ...string) {
	w.raw("<" + tag)
	for i := 0; i+1 < len(attributes); i += 2 {
		w.raw(" " + attributes[i] + `="` + html.EscapeString(attributes[i+1]) + `"`)
	}
	w.raw(">")
}

// end ends elements, the innermost first.
func (w *writer) end(tags ...string) {
	for _, tag := range tags {
		w.raw("</" + tag + ">")
	}
	w.raw("\n")
}

// text may be broken after each slash: names and addresses are long.
func (w *writer) text(text string) {
	w.raw(strings.ReplaceAll(html.EscapeString(text), "/", "/<wbr>"))
}

// put is a whole element with a text.
func (w *writer) put(tag, text string, attributes ...string) {
	w.open(tag, attributes...)
	w.text(text)
	w.end(tag)
}

// table is a table with a row for each of rows; the first cell of a row is its head.
func (w *writer) table(heads []string, rows [][]string) {
	w.open("table")
	w.open("thead")
	w.open("tr")
	for _, head := range heads {
		w.put("th", head, "scope", "col")
	}
	w.end("tr", "thead")
	w.open("tbody")
	for _, row := range rows {
		w.open("tr")
		w.put("th", row[0], "scope", "row")
		for _, cell := range row[1:] {
			w.put("td", cell)
		}
		w.end("tr")
	}
	w.end("tbody", "table")
}

// lasted formats a duration for people, in one piece.
func lasted(d time.Duration) string {
	switch seconds := d.Seconds(); {
	case d < 0:
		return "–"
	case seconds < 9.995:
		return fmt.Sprintf("%.2f\u00a0s", seconds)
	case seconds < 119.95:
		return fmt.Sprintf("%.1f\u00a0s", seconds)
	case seconds < 2*60*60:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d\u00a0min\u00a0%02d\u00a0s", int(d.Minutes()), int(d.Seconds())%60)
	case seconds < 48*60*60:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d\u00a0h\u00a0%02d\u00a0min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%.1f\u00a0days", d.Hours()/24)
	}
}
