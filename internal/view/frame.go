package view

import (
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// line is one of a screen: clean, and not wider than it.
type line struct {
	text   string
	style  string
	marked int // so many bytes at its beginning have the style; 0 is all
}

// The styles are the terminal's own colours, which its user can read (ECMA-48, 8.3.117).
const bold, faint, red, green, yellow, cyan = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"

// marks tell the kinds apart, also without colours.
var marks = map[kind]struct{ mark, style string }{
	failing: {"✗", red}, working: {"●", cyan}, waiting: {"○", yellow}, suspended: {"-", faint}, done: {"✓", green},
}

// frame is what fits a screen of that size.
type frame struct {
	r             *report.Report
	now           time.Time
	columns, rows int
}

// roomy is the height from which there is room for more than one line above the tree.
const roomy = 10

func (f *frame) lines() []line {
	all := f.header()
	left := f.rows - len(all)
	first := steps(f.r)
	if units := tree(f.r); len(units) > 0 {
		first = first[:min(len(first), max(left-2, 0))] // the tree needs some lines
		all = append(all, f.body(first, left, "done")...)
		all = append(all, f.body(units, left-len(first), "Ready")...)
	} else {
		all = append(all, f.body(first, left, "done")...)
	}
	return all[:max(min(len(all), f.rows), 1)]
}

// header says how far it is.
func (f *frame) header() []line {
	elapsed := time.Duration(0)
	if zero := f.r.Zero(); !zero.IsZero() {
		elapsed = f.now.Sub(zero).Round(time.Second)
	}
	top := lasted(elapsed) + ": " + standing(f.r)
	moments := join(firstApp(f.r), everything(f.r))
	texts := []string{top, moments, goal(f.r), nudges(f.r.Nudges)}
	if f.rows < roomy {
		texts = []string{join(top, moments)}
	}
	var all []line
	for i, text := range slices.DeleteFunc(texts, func(text string) bool { return text == "" }) {
		l := line{text: cut(clean(text), f.columns)}
		if i == 0 {
			l.style = bold
		}
		all = append(all, l)
	}
	return all
}

// join puts what is not empty behind each other.
func join(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), ", ")
}
