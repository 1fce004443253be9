package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// mostOf is how many lines what a row says may take below it, if it has failed: how to go on stands there.
const mostOf = 3

// body are the rows in at most so many lines.
func (f *frame) body(rows []row, most int, ready string) []line {
	if most <= 0 || len(rows) == 0 {
		return nil
	}
	kept, folded, others := fit(rows, most)
	need := 0
	for _, e := range f.table(rows, kept) {
		need += min(len(e.rest), mostOf)
	}
	if need = min(need, most/2); len(rows)+need > most { // what is Ready makes room for it
		kept, folded, others = fit(rows, most-need)
	}
	var all []line
	if folded > 0 {
		all = append(all, f.fold(rows, folded, ready))
	}
	spare := most - len(kept) - one(folded > 0) - one(others > 0)
	for _, e := range f.table(rows, kept) {
		lines := f.unfold(e, min(spare, mostOf))
		spare -= len(lines) - 1
		all = append(all, lines...)
	}
	if others > 0 {
		all = append(all, line{text: cut(fmt.Sprintf("  and %d more that are not %s", others, ready), f.columns), style: faint})
	}
	return all[:min(len(all), most)]
}

// fold is the line in place of rows that are done.
func (f *frame) fold(rows []row, folded int, ready string) line {
	text := fmt.Sprintf("✓ %d more %s", folded, ready)
	newest := slices.MaxFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.kind, b.kind), a.at.Compare(b.at)) })
	all := len(slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.kind != done }))
	if folded == all {
		text = fmt.Sprintf("✓ %d %s, newest %s", folded, ready, newest.name)
	}
	return line{text: cut(text, f.columns), style: green, marked: len("✓")}
}

// entry is a row as a line: the whole of it, which may be too wide, or the beginning and the rest.
type entry struct {
	line
	whole string
	rest  []string
}

const indented = "    "

// narrowest is the least width in which words can be read.
const narrowest = 8

// unfold is an entry with so many lines of its rest below it.
func (f *frame) unfold(e entry, most int) []line {
	if len(e.rest) == 0 || most <= 0 {
		e.text = cut(e.whole, f.columns)
		return []line{e.line}
	}
	all := []line{e.line}
	for i, text := range e.rest[:min(len(e.rest), most)] {
		if i == most-1 && len(e.rest) > most {
			text = cut(text+" "+e.rest[most], f.columns-len(indented))
		}
		all = append(all, line{text: indented + text, style: e.style})
	}
	return all
}

// table puts the kept rows into columns: name, how long, what.
func (f *frame) table(rows []row, kept []int) []entry {
	names, times := make([]string, len(kept)), make([]string, len(kept))
	var name, elapsed int
	for i, index := range kept {
		r := rows[index]
		indent := min(2*depth(rows, kept, index), f.columns/4)
		names[i] = strings.Repeat(" ", indent) + squeeze(r.name, f.columns/2-indent)
		if !r.from.IsZero() {
			times[i] = lasted(f.now.Sub(r.from))
		}
		name, elapsed = max(name, columns(names[i])), max(elapsed, columns(times[i]))
	}
	all := make([]entry, 0, len(kept))
	for i, index := range kept {
		start := pad(names[i], name) + "  "
		if elapsed > 0 {
			start = fmt.Sprintf("%s %*s  ", pad(names[i], name), elapsed, times[i])
		}
		all = append(all, f.entry(rows[index], start))
	}
	return all
}

func (f *frame) entry(r row, start string) entry {
	mark := marks[r.kind]
	start = mark.mark + " " + start
	if columns(start+r.text) > f.columns && r.kind == waiting {
		r.text = strings.TrimPrefix(r.text, "waits for ") // the mark says so, and what it waits for matters more
	}
	e := entry{whole: start + r.text}
	e.style, e.marked = mark.style, len(mark.mark)
	if r.kind == failing {
		e.marked = 0
		if room := f.columns - columns(start); room >= narrowest {
			parts := wrap(r.text, room, f.columns-len(indented))
			e.text, e.rest = strings.TrimRight(start+parts[0], " "), parts[1:]
		}
	}
	return e
}

// depth is how many of the rows above it are shown.
func depth(rows []row, kept []int, index int) int {
	deep := 0
	for above := rows[index].parent; above >= 0; above = rows[above].parent {
		if _, shown := slices.BinarySearch(kept, above); shown {
			deep++
		}
	}
	return deep
}
