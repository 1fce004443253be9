package build

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// every is how often a log, which is no terminal, hears that a build goes on.
const every = 30 * time.Second

// progress writes one line per part: rewritten in place on a terminal, else at the start, now and then, at the end.
type progress struct {
	w     io.Writer
	head  string // "[ 3/16] kube-apiserver   "
	hint  string
	since time.Time
	last  time.Time
}

// cached says in one line how much of the work is done already.
func (p *progress) cached(have, all int, cache string) {
	switch {
	case have == all:
		p.say("all %d parts are built (%s)", all, cache)
	case have > 0:
		p.say("%d of %d parts are built (%s)", have, all, cache)
	}
}

func (p *progress) say(format string, args ...any) {
	if p.w != nil {
		fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// part starts the line of one part.
func (p *progress) part(number, of int, part Part) {
	p.head = fmt.Sprintf("[%2d/%d] %-24s ", number, of, part.Name)
	p.hint = ""
	if part.Hint > 0 {
		p.hint = fmt.Sprintf(" (about %.0fs)", part.Hint.Seconds())
	}
	p.since = time.Now()
	p.last = p.since
	if p.terminal() {
		p.tick()
		return
	}
	p.say("%sbuilding …%s", p.head, p.hint)
}

// tick is called each second while a part builds.
func (p *progress) tick() {
	state := fmt.Sprintf("%sbuilding … %.0fs%s", p.head, time.Since(p.since).Seconds(), p.hint)
	if p.terminal() {
		fmt.Fprint(p.w, rewind+state)
	} else if time.Since(p.last) >= every {
		p.last = time.Now()
		p.say("%s", state)
	}
}

func (p *progress) done(size int64) {
	p.end("built in %.0fs, %.1f MiB", time.Since(p.since).Seconds(), float64(size)/(1<<20))
}

// failed ends the line; the reason is in the error that the caller gets.
func (p *progress) failed() {
	p.end("failed after %.0fs", time.Since(p.since).Seconds())
}

func (p *progress) end(format string, args ...any) {
	start := ""
	if p.terminal() {
		start = rewind
	}
	p.say("%s%s%s", start, p.head, fmt.Sprintf(format, args...))
}

// rewind goes back to the start of a terminal's line and clears it.
const rewind = "\r\x1b[K"

func (p *progress) terminal() bool {
	f, ok := p.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
