package page

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// steps are the rows of the machine and of seed.
func (c *chart) steps(path map[string][]report.Leg) []row {
	var rows []row
	for _, leg := range c.r.CriticalPath() {
		if !leg.Unit && leg.Name != "seed plants Flux" {
			rows = append(rows, row{name: leg.Name, done: c.since(leg.To), path: path[leg.Name],
				bars: []bar{{string(report.PhaseWorking), leg.From, leg.To, leg.Name + ", " + lasted(leg.Took())}}})
		}
	}
	for _, tries := range c.r.Tries() {
		last := tries[len(tries)-1]
		r := row{name: last.Name, done: c.since(last.Start.Add(last.Took))}
		if last.State == report.Failed || last.State == report.Blocked {
			r.done = string(last.State)
		}
		for i, try := range tries {
			end := try.Start.Add(try.Took)
			r.bars = append(r.bars, bar{stepClass(try), try.Start, end, fmt.Sprintf("%s after %s: %s", try.State, lasted(try.Took), try.Detail)})
			if next := c.next(tries, i); next.After(end) {
				r.bars = append(r.bars, bar{"wait", end, next, fmt.Sprintf("%s until the next try", lasted(next.Sub(end)))})
			}
		}
		// Planting is on the critical path as a whole: what applies is not told from what could be left out.
		if legs := path["seed plants Flux"]; len(legs) > 0 && last.Name != report.FollowStep && !last.Start.After(legs[0].To) {
			r.path = []report.Leg{{From: tries[0].Start, To: last.Start.Add(last.Took)}}
		}
		rows = append(rows, r)
	}
	return rows
}

func stepClass(s report.Step) string {
	switch {
	case s.State == report.Failed, s.State == report.Blocked:
		return string(report.PhaseFailed)
	case s.Name == report.FollowStep: // what happens in it is below
		return "whole"
	default:
		return string(report.PhaseWorking)
	}
}

// next is when a try that went wrong was repeated; zero where it was not.
func (c *chart) next(tries []report.Step, i int) time.Time {
	switch tries[i].State {
	case report.Failed, report.Blocked:
		if i+1 < len(tries) {
			return tries[i+1].Start
		}
	}
	return time.Time{}
}

// units are the rows of the units, by their start, each with its parts below it.
func (c *chart) units(path map[string][]report.Leg) []row {
	var tops []row
	for _, u := range c.r.Rows() {
		r := c.unit(u)
		if r.path = path[u.Name]; u.Part && len(tops) > 0 && tops[len(tops)-1].name == c.r.Short(u.By) {
			top := &tops[len(tops)-1]
			top.parts = append(top.parts, r)
			continue
		}
		tops = append(tops, r)
	}
	inTime(tops)
	var rows []row
	for _, top := range tops {
		inTime(top.parts)
		rows = append(append(rows, top), top.parts...)
	}
	return rows
}

func inTime(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(a.start.Compare(b.start), a.end().Compare(b.end()))
	})
}

func (c *chart) unit(u *report.Unit) row {
	r := row{name: c.r.Short(u.Name), done: c.ready(u), start: u.At, part: u.Part}
	if !u.Ready {
		r.start = c.r.End()
	}
	if len(u.Spans) > 0 {
		r.start = u.Spans[0].Start
	}
	for n, i := range c.r.Intervals(u) {
		title := fmt.Sprintf("%s %s", verb(i.Phase), lasted(i.Took()))
		switch {
		case i.Folded > 0:
			title = fmt.Sprintf("%d changes in %s", i.Folded, lasted(i.Took()))
		case i.Phase == report.PhaseReady:
			title = "Ready at " + c.since(i.Start)
		case i.Phase == report.PhaseFailed && u.Stalled && n == len(u.Spans)-1:
			title = "stalled " + lasted(i.Took())
		}
		if i.Why != "" && i.Phase != report.PhaseHealth && i.Phase != report.PhaseWorking {
			title += ": " + i.Why
		}
		r.bars = append(r.bars, bar{class(i.Phase), i.Start, i.End, title})
	}
	if len(u.Spans) == 0 && u.Ready { // of an older seed
		r.bars = []bar{{string(report.PhaseReady), u.At, u.At, "Ready at " + c.since(u.At)}}
	}
	return r
}

// ready says when the unit was Ready, or how it is with it.
func (c *chart) ready(u *report.Unit) string {
	switch {
	case u.Suspended(), u.Stalled:
		return u.State()
	case u.Ready:
		return c.since(u.At)
	case slices.Contains(c.behind, u):
		return "left out"
	}
	return "not Ready"
}

func (r row) end() time.Time {
	if len(r.bars) == 0 {
		return r.start
	}
	return r.bars[len(r.bars)-1].to
}
