package view

import (
	"cmp"
	"slices"
	"time"

	"github.com/tazlab/seed/internal/report"
)

// kind is how a row goes. Where there is not room for all, the lower ones stay.
type kind int

const (
	failing kind = iota
	working
	waiting
	suspended
	done
)

// row is a unit, a part or a step.
type row struct {
	kind   kind
	name   string
	parent int // the index of the row above it in the tree; -1 is none
	text   string
	from   time.Time // since when it does that; zero is not shown
	at     time.Time // when it was done
}

func kindOf(phase report.Phase) kind {
	switch phase {
	case report.PhaseFailed:
		return failing
	case report.PhaseWorking, report.PhaseHealth, report.PhaseFolded:
		return working
	case report.PhaseSuspended:
		return suspended
	case report.PhaseReady:
		return done
	default:
		return waiting
	}
}

// tree is a row for each unit, each below the one that brought it: first its parts, then other units.
func tree(r *report.Report) []row {
	t := walk{r: r, zero: r.Zero(), children: map[string][]*report.Unit{}, visited: map[string]bool{}}
	known := map[string]bool{}
	for _, u := range r.Units {
		known[u.Name] = true
	}
	var roots []*report.Unit
	for i := range r.Units {
		u := &r.Units[i]
		if !known[u.By] {
			roots = append(roots, u)
		} else {
			t.children[u.By] = append(t.children[u.By], u)
		}
	}
	for _, u := range roots {
		t.add(u, -1)
	}
	for i := range r.Units { // a root that holds itself, and those that bring each other
		t.add(&r.Units[i], -1)
	}
	return t.rows
}

// walk goes through the tree of units.
type walk struct {
	r        *report.Report
	zero     time.Time
	children map[string][]*report.Unit
	visited  map[string]bool
	rows     []row
}

func (t *walk) add(u *report.Unit, parent int) {
	if t.visited[u.Name] {
		return
	}
	t.visited[u.Name] = true
	s := newest(u)
	next := row{kind: kindOf(s.Phase), name: clean(t.r.Short(u.Name)), parent: parent, text: clean(doing(t.r, u, s)), from: s.Start}
	if next.kind == done {
		next.from, next.at = time.Time{}, s.Start
		next.text = "Ready " + moment(s.Start, t.zero) + next.text[len("Ready"):]
	}
	own := len(t.rows)
	t.rows = append(t.rows, next)
	for _, parts := range []bool{true, false} {
		for _, child := range t.children[u.Name] {
			if child.Part == parts {
				t.add(child, own)
			}
		}
	}
}

// steps are the rows of what seed does before there are units, and later only of what it cannot do.
func steps(r *report.Report) []row {
	var rows []row
	for _, of := range r.Tries() {
		last := of[len(of)-1]
		next := row{kind: done, name: clean(last.Name), parent: -1, at: last.Start.Add(last.Took)}
		next.text = "done in " + took(last.Took)
		switch last.State {
		case report.Failed, report.Blocked:
			next.kind, next.from = failing, of[0].Start
			next.text = string(last.State)
		case report.Skipped:
			next.text = string(last.State)
		}
		if detail := clean(last.Detail); detail != "" {
			next.text += ": " + detail
		}
		if len(r.Units) == 0 || next.kind == failing && last.Name == r.Steps[len(r.Steps)-1].Name {
			rows = append(rows, next)
		}
	}
	return rows
}

// fit chooses at most so many lines of rows: those that are kept, in their order, and how many are folded away, of those that
// are done and of the others. Each of these takes a line.
func fit(rows []row, most int) (kept []int, folded, others int) {
	ranked := make([]int, len(rows))
	for i := range rows {
		ranked[i] = i
	}
	slices.SortStableFunc(ranked, func(a, b int) int {
		if rows[a].kind == done && rows[b].kind == done {
			return rows[b].at.Compare(rows[a].at) // the newest first
		}
		return cmp.Compare(rows[a].kind, rows[b].kind)
	})
	for keep := min(len(rows), most); ; keep-- {
		folded, others = 0, 0
		for _, i := range ranked[keep:] {
			folded += one(rows[i].kind == done)
			others += one(rows[i].kind != done)
		}
		if keep+one(folded > 0)+one(others > 0) <= most || keep == 0 {
			kept = slices.Sorted(slices.Values(ranked[:keep]))
			return kept, folded, others
		}
	}
}
