// Package screen lets the castle's lines and a program that draws share one terminal: never both at once.
package screen

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Screen is where the castle's lines go. It may be used by several goroutines.
type Screen struct {
	out   io.Writer
	alike time.Duration // see Lend

	mu   sync.Mutex
	lent bool
	kept []entry
}

// entry is what was written while the terminal was lent.
type entry struct {
	text string
	log  bool
}

// mostKept is how many entries are kept. The oldest go first: the newest say how it stands.
const mostKept = 1000

// New makes a Screen that writes to out.
func New(out io.Writer) *Screen { return &Screen{out: out, alike: alike} }

// Live tells whether a program can draw there: it is a terminal, and TERM names one with a cursor to move.
func (s *Screen) Live() bool {
	file, ok := s.out.(*os.File)
	kind := os.Getenv("TERM")
	return ok && kind != "" && kind != "dumb" && term.IsTerminal(int(file.Fd()))
}

// Write writes whole lines of the castle, now or when Release is called.
func (s *Screen) Write(lines []byte) (int, error) { return s.write(lines, false) }

// Log takes whole lines of which the program that draws tells in its own way.
func (s *Screen) Log() io.Writer { return log{s} }

type log struct{ *Screen }

func (l log) Write(lines []byte) (int, error) { return l.write(lines, true) }

func (s *Screen) write(lines []byte, log bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lent {
		return s.out.Write(lines)
	}
	if s.kept = append(s.kept, entry{string(lines), log}); len(s.kept) > mostKept {
		s.kept = s.kept[1:]
	}
	return len(lines), nil
}

// hold keeps back what is written from now on.
func (s *Screen) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lent = true
}

// Release writes what was kept back since the terminal was lent, the Log's lines only where logs says so; from then on
// nothing is kept back.
func (s *Screen) Release(logs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.kept {
		if logs || !e.log {
			_, _ = io.WriteString(s.out, e.text)
		}
	}
	s.lent, s.kept = false, nil
}
