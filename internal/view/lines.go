package view

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// lines tells each change once, in a line. It keeps what it has told.
type lines struct {
	began         bool
	units         map[string]report.Span
	step          time.Time // the start of the newest one
	first, stands bool
	nudges        string
	text          strings.Builder
}

// draw tells what has changed.
func (l *lines) draw(out io.Writer, r *report.Report, now time.Time) error {
	l.steps(r)
	if !l.began {
		l.already(r, now)
	}
	for i := range r.Units {
		l.unit(r, &r.Units[i], now)
	}
	l.gone(r, now)
	if counts := nudges(r.Nudges); counts != l.nudges && counts != "" {
		l.nudges = counts
		l.line(r, now, counts)
	}
	if app, at := r.FirstApp(); app != nil && !l.first {
		l.first = true
		l.line(r, at, "first app online: "+r.Short(app.Name))
	}
	at := r.Everything()
	if !at.IsZero() && !l.stands {
		l.line(r, at, "everything stands: "+standing(r))
	}
	l.stands, l.began = !at.IsZero(), true
	return l.flush(out)
}

// end says how it stands when nobody looks any more.
func (l *lines) end(out io.Writer, r *report.Report, now time.Time) error {
	err := l.draw(out, r, now)
	text := standing(r)
	if missing := goal(r); missing != "" {
		text += ", " + missing
	}
	l.line(r, now, "at the end: "+text)
	return errors.Join(err, l.flush(out))
}

// flush writes all at once: other programs may write lines there too.
func (l *lines) flush(out io.Writer) error {
	text := l.text.String()
	l.text.Reset()
	if text == "" {
		return nil
	}
	_, err := io.WriteString(out, text)
	return err
}

func (l *lines) line(r *report.Report, at time.Time, text string) {
	fmt.Fprintf(&l.text, "%9s  %s\n", moment(at, r.Zero()), clean(text))
}

// steps tells of the steps of a birth that have ended since.
func (l *lines) steps(r *report.Report) {
	for _, s := range r.Steps {
		if !s.Start.After(l.step) {
			continue
		}
		l.step = s.Start
		text := fmt.Sprintf("%s: %s in %s", s.Name, s.State, took(s.Took))
		if s.Detail != "" {
			text += ": " + s.Detail
		}
		l.line(r, s.Start.Add(s.Took), text)
	}
}

// already tells, in one line, which units were Ready when nobody had looked yet.
func (l *lines) already(r *report.Report, now time.Time) {
	l.units = map[string]report.Span{}
	ready := slices.DeleteFunc(slices.Clone(r.Units), func(u report.Unit) bool { return u.Phase() != report.PhaseReady })
	if len(ready) < 2 {
		return
	}
	for i := range ready {
		l.units[ready[i].Name] = newest(&ready[i])
	}
	l.line(r, now, fmt.Sprintf("%d are Ready already", len(ready)))
}

// unit tells each phase that the unit has entered since, and a new reason why it failed.
func (l *lines) unit(r *report.Report, u *report.Unit, now time.Time) {
	last, known := l.units[u.Name]
	current := newest(u)
	l.units[u.Name] = current
	if !known {
		l.line(r, current.Start, r.Short(u.Name)+": "+doing(r, u, current))
		return
	}
	for _, s := range since(u.Spans, last) {
		if s.Phase != report.PhaseQueued || last.Phase != report.PhaseWorking && last.Phase != report.PhaseHealth {
			l.line(r, s.Start, r.Short(u.Name)+": "+doing(r, u, s))
		} // else it is Flux that has written a part of its result, and will look at it at once
		last = s
	}
	if last.Phase == report.PhaseFailed && last.Why != current.Why {
		l.line(r, now, r.Short(u.Name)+": "+doing(r, u, current))
	}
}

// since are the spans after the one that was told last.
func since(spans []report.Span, last report.Span) []report.Span {
	for i, s := range slices.Backward(spans) {
		if s.Phase == last.Phase && s.Start.Equal(last.Start) {
			return spans[i+1:]
		}
	}
	later := slices.Clone(spans) // of very many spans that one was put together with others
	return slices.DeleteFunc(later, func(s report.Span) bool { return !s.Start.After(last.Start) })
}

// newest is the span that the unit is in. A report of an older seed has none.
func newest(u *report.Unit) report.Span {
	if len(u.Spans) == 0 {
		return report.Span{Phase: u.Phase(), Start: u.At, Why: u.Detail}
	}
	return u.Spans[len(u.Spans)-1]
}

// gone tells which units are no part of the tree any more.
func (l *lines) gone(r *report.Report, now time.Time) {
	for _, name := range slices.Sorted(maps.Keys(l.units)) {
		if !slices.ContainsFunc(r.Units, func(u report.Unit) bool { return u.Name == name }) {
			delete(l.units, name)
			l.line(r, now, r.Short(name)+": no part of the tree any more")
		}
	}
}
