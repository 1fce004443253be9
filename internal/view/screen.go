package view

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// The sequences that move the cursor and erase: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/
// and, for the cursor's visibility, https://vt100.net/docs/vt510-rm/DECTCEM.html.
const (
	hideCursor, showCursor = "\x1b[?25l", "\x1b[?25h"
	eraseLine, eraseBelow  = "\x1b[K", "\x1b[J"
	up                     = "\x1b[%dA"
	reset                  = "\x1b[0m"
)

// screen draws frames over each other.
type screen struct {
	colors bool
	drawn  []string // the last frame
	width  int      // for which it was drawn
	last   bool     // the frame is
}

// draw shows the report in place of what was drawn before.
func (s *screen) draw(out io.Writer, r *report.Report, now time.Time, columns, rows int) error {
	f := frame{r: r, now: now, columns: columns, rows: rows}
	frame := f.lines()
	if !s.last && s.width == columns && slices.EqualFunc(frame, s.drawn, func(l line, drawn string) bool { return s.paint(l) == drawn }) {
		return nil
	}
	return s.write(out, frame, columns)
}

// write draws a frame in one write, so that nobody sees a half of it.
func (s *screen) write(out io.Writer, frame []line, width int) error {
	var b strings.Builder
	switch {
	case s.drawn == nil:
		b.WriteString(hideCursor + "\r")
	case s.width != width:
		// The terminal may have wrapped the lines anew, or not: nobody knows where they begin. So it goes on below.
		b.WriteString("\r\n")
	default:
		b.WriteString("\r")
		if len(s.drawn) > 1 {
			fmt.Fprintf(&b, up, len(s.drawn)-1)
		}
	}
	painted := make([]string, 0, len(frame))
	for i, l := range frame {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if i == len(frame)-1 {
			b.WriteString(eraseBelow) // also what a longer frame left
		}
		painted = append(painted, s.paint(l))
		b.WriteString(painted[i])
		// Behind the last column there is nothing to erase, and the cursor would still be in it.
		if columns(l.text) < width {
			b.WriteString(eraseLine)
		}
	}
	b.WriteString("\r") // what a terminal echoes, ^C for example, cannot wrap there
	s.drawn, s.width = painted, width
	_, err := io.WriteString(out, b.String())
	return err
}

// end leaves the last frame and gives the cursor back, even if drawing fails.
func (s *screen) end(out io.Writer, r *report.Report, now time.Time, columns, rows int) error {
	s.last = true // whatever is on the screen
	err := s.draw(out, r, now, columns, rows)
	_, ended := io.WriteString(out, "\r\n"+showCursor)
	return errors.Join(err, ended)
}

// paint colours a line, or the mark that it begins with.
func (s *screen) paint(l line) string {
	if !s.colors || l.style == "" {
		return l.text
	}
	marked := len(l.text)
	if l.marked > 0 {
		marked = min(l.marked, len(l.text))
	}
	return l.style + l.text[:marked] + reset + l.text[marked:]
}
