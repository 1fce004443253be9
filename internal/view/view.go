// Package view shows a person how a birth goes, or a follow: live on a terminal, otherwise in lines. Both say what the report
// says.
package view

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/tazlab/seed/internal/report"
)

// View is what a person sees of one report. It is for one goroutine at a time: whoever holds the lock of the report.
type View struct {
	out    io.Writer
	size   func() (columns, rows int)
	live   bool
	screen screen
	lines  lines
	closed bool
}

// New makes a view that writes to out. With terminal it draws over what it drew before, within the size in characters, which it
// asks for each time; a size of 0 is unknown and taken as 80 by 24. Without, or where TERM says that the terminal has no cursor
// to move, it writes lines. NO_COLOR leaves out the colours (https://no-color.org).
func New(out io.Writer, terminal bool, size func() (columns, rows int)) *View {
	kind := os.Getenv("TERM")
	v := &View{out: out, size: size, live: terminal && kind != "" && kind != "dumb"}
	v.screen.colors = os.Getenv("NO_COLOR") == ""
	return v
}

// Of makes the view that fits a file: standard error, for example.
func Of(f *os.File) *View {
	descriptor := int(f.Fd())
	return New(f, term.IsTerminal(descriptor), func() (int, int) {
		columns, rows, err := term.GetSize(descriptor)
		if err != nil {
			return 0, 0
		}
		return columns, rows
	})
}

// Live tells whether the view draws over what it drew, so that nobody else may write there until Close.
func (v *View) Live() bool { return v.live }

// Draw shows the report as it is. Call it after each change, and where the view is Live once a second too, for the elapsed times.
func (v *View) Draw(r *report.Report, now time.Time) error {
	if v.closed {
		return nil
	}
	if !v.live {
		return v.lines.draw(v.out, r, now)
	}
	columns, rows := v.bounds()
	return v.screen.draw(v.out, r, now, columns, rows)
}

// Close shows the report for the last time and gives the cursor back. What comes after it is written below. A second call does
// nothing.
func (v *View) Close(r *report.Report, now time.Time) error {
	if v.closed {
		return nil
	}
	v.closed = true
	if !v.live {
		return v.lines.end(v.out, r, now)
	}
	columns, rows := v.bounds()
	return v.screen.end(v.out, r, now, columns, rows-1) // below it the cursor has its place
}

func (v *View) bounds() (columns, rows int) {
	columns, rows = v.size()
	if columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}
