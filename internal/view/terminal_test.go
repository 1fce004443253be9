package view_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// terminal is a small one, and a strict one: whatever the view writes that it does not know is an error of the test, and so is a
// text that reaches its edge and wraps. A wide character takes two cells, the second of which is 0.
type terminal struct {
	t             *testing.T
	columns, rows int
	cells         [][]rune
	x, y          int
	wrap          bool     // the cursor is in the last column, and the next character begins a new line
	above         []string // what was scrolled out
	hidden        bool
	writes        int
	styles        map[string]bool
	wrapped       bool
}

func newTerminal(t *testing.T, columns, rows int) *terminal {
	t.Helper()
	return &terminal{t: t, columns: columns, rows: rows, cells: blank(columns, rows), styles: map[string]bool{}}
}

func blank(columns, rows int) [][]rune {
	cells := make([][]rune, rows)
	for y := range cells {
		cells[y] = []rune(strings.Repeat(" ", columns))
	}
	return cells
}

func (v *terminal) size() (columns, rows int) { return v.columns, v.rows }

// resize keeps the upper left part, as a terminal does that does not wrap anew.
func (v *terminal) resize(columns, rows int) {
	old := v.cells
	v.cells = blank(columns, rows)
	for y := range min(rows, v.rows) {
		copy(v.cells[y], old[y])
	}
	v.columns, v.rows = columns, rows
	v.x, v.y, v.wrap = min(v.x, columns-1), min(v.y, rows-1), false
}

// Write interprets what a program writes.
func (v *terminal) Write(p []byte) (int, error) {
	v.writes++
	for rest := string(p); rest != ""; {
		c, n := utf8.DecodeRuneInString(rest)
		switch {
		case strings.HasPrefix(rest, "\x1b["):
			n = strings.IndexFunc(rest[2:], func(c rune) bool { return c >= 0x40 && c <= 0x7e }) + 3
			v.control(rest[2:n-1], rest[n-1])
		case c == '\r':
			v.x, v.wrap = 0, false
		case c == '\n':
			v.down()
		case c < ' ' || c >= 0x7f && c < 0xa0 || c == utf8.RuneError && n == 1:
			v.t.Errorf("character %U on the terminal", c)
		default:
			v.put(c)
		}
		rest = rest[n:]
	}
	return len(p), nil
}

func (v *terminal) control(parameter string, final byte) {
	count, err := strconv.Atoi(parameter)
	switch {
	case final == 'A' && err == nil && count > 0:
		v.y, v.wrap = max(v.y-count, 0), false
	case final == 'K' && parameter == "":
		v.erase(v.y, v.x)
	case final == 'J' && parameter == "":
		v.erase(v.y, v.x)
		for y := v.y + 1; y < v.rows; y++ {
			v.erase(y, 0)
		}
	case final == 'm' && err == nil:
		v.styles[parameter] = true
	case parameter == "?25" && (final == 'l' || final == 'h'):
		v.hidden = final == 'l'
	default:
		v.t.Errorf("sequence %q%c", parameter, final)
	}
}

func (v *terminal) erase(y, from int) {
	for x := from; x < v.columns; x++ {
		v.cells[y][x] = ' '
	}
}

func (v *terminal) down() {
	if v.y++; v.y == v.rows {
		v.above = append(v.above, v.line(0))
		v.cells = append(v.cells[1:], []rune(strings.Repeat(" ", v.columns)))
		v.y--
	}
}

func (v *terminal) put(c rune) {
	wide := c >= 0x1100 && c <= 0x115f || c >= 0x2e80 && c <= 0xa4cf || c >= 0xac00 && c <= 0xd7a3 || c >= 0xff00 && c <= 0xff60 || c >= 0x1f300 && c <= 0x1faff
	if c >= 0x300 && c <= 0x36f { // combines with the one before
		return
	}
	if v.wrap || wide && v.x == v.columns-1 {
		v.wrapped = true
		v.x, v.wrap = 0, false
		v.down()
	}
	v.cells[v.y][v.x] = c
	if wide {
		v.x++
		v.cells[v.y][v.x] = 0
	}
	if v.wrap = v.x == v.columns-1; !v.wrap {
		v.x++
	}
}

func (v *terminal) line(y int) string {
	return strings.TrimRight(strings.ReplaceAll(string(v.cells[y]), "\x00", ""), " ")
}

// screen is what a person sees, with a line below that says where the cursor is.
func (v *terminal) screen() string {
	var all []string
	for y := range v.cells {
		all = append(all, v.line(y))
	}
	text := strings.TrimRight(strings.Join(all, "\n"), "\n")
	if v.hidden {
		return text
	}
	return text + fmt.Sprintf("\n[cursor in line %d, column %d]", v.y+1, v.x+1)
}
