package view_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/view"
	"github.com/tazlab/seed/test/births"
)

// The terminal is that of most people, whoever runs the tests.
func TestMain(m *testing.M) {
	os.Setenv("TERM", "xterm-256color")
	os.Unsetenv("NO_COLOR")
	os.Exit(m.Run())
}

var sizes = []struct{ columns, rows int }{{40, 5}, {40, 24}, {80, 5}, {80, 24}, {200, 5}, {200, 24}}

// replay draws r on v at each moment of its birth up to until, and once a second in between, and returns what was drawn last.
func replay(t *testing.T, v *view.View, r *report.Report, until time.Time) *report.Report {
	t.Helper()
	var last *report.Report
	draw := func(at time.Time) {
		last = births.AsOf(r, at)
		if err := v.Draw(last, at); err != nil {
			t.Fatal(err)
		}
	}
	before := r.Zero()
	for _, at := range append(births.Moments(births.AsOf(r, until)), until) {
		for second := range int(at.Sub(before) / time.Second) {
			draw(before.Add(time.Duration(second+1) * time.Second))
		}
		draw(at)
		before = at
	}
	return last
}

// expect compares a screen with what it must be, without the line break before it.
func expect(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.Trim(want, "\n"); got != want {
		t.Errorf("the screen is\n%s\nwant\n%s", got, want)
	}
}

func TestScreens(t *testing.T) {
	t.Parallel()
	for name, test := range screens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			screen := newTerminal(t, test.columns, test.rows)
			v := view.New(screen, true, screen.size)
			last := replay(t, v, test.birth(), births.At(test.at))
			if test.closed {
				if err := v.Close(last, births.At(test.at)); err != nil {
					t.Fatal(err)
				}
			}
			expect(t, screen.screen(), test.want)
		})
	}
}

// Whatever the birth and the size: after many draws the screen is what one draw on an empty screen makes, nothing was
// wrapped or scrolled, each draw is one write, and the cursor is hidden until the end.
func TestEveryDraw(t *testing.T) {
	t.Parallel()
	for name, birth := range map[string]func() *report.Report{
		"castle": births.Castle, "old": births.Old, "live": births.Live, "tiny": births.Tiny, "blocked": births.Blocked, "large": births.Large, "fixed": births.Fixed, "parts": parts,
	} {
		for _, size := range sizes {
			r := birth()
			screen := newTerminal(t, size.columns, size.rows)
			v := view.New(screen, true, screen.size)
			moments := append(births.Moments(r), r.End())
			for i := 0; i < len(moments); i += 1 + len(moments)/50 {
				at := moments[i]
				then, writes := births.AsOf(r, at), screen.writes
				if err := v.Draw(then, at); err != nil {
					t.Fatal(err)
				}
				fresh := newTerminal(t, size.columns, size.rows)
				_ = view.New(fresh, true, fresh.size).Draw(then, at)
				if screen.screen() != fresh.screen() || !screen.hidden || screen.writes > writes+1 || screen.wrapped || len(screen.above) > 0 {
					t.Fatalf("%s, %dx%d, %s: %d writes, hidden %v, wrapped %v, scrolled out %q\n%s\nwant\n%s", name, size.columns, size.rows, at.Sub(r.Zero()),
						screen.writes-writes, screen.hidden, screen.wrapped, screen.above, screen.screen(), fresh.screen())
				}
				if writes = screen.writes; v.Draw(then, at) != nil || screen.writes > writes {
					t.Errorf("%s: what has not changed is written again", name)
				}
			}
			if err := v.Close(r, r.End()); err != nil || screen.hidden || screen.x != 0 {
				t.Errorf("%s: closed with %v, the cursor is hidden: %v, and in column %d", name, err, screen.hidden, screen.x)
			}
		}
	}
}

// What a cluster says can neither move the cursor nor colour what follows it, and is cut by what it takes on the screen.
func TestWhatAClusterSaysIsNoSequence(t *testing.T) {
	t.Parallel()
	const message = "\x1b[2J\x1b]0;title\x07bad\u009b31m \u202eline\r\none\ttwo 漢字漢字漢字漢字 e\u0301 \xff \U0001f4a5"
	r := &report.Report{Machine: births.Start, Steps: []report.Step{{Name: "fetch\x1b[H", Start: births.At(1), State: report.Failed, Detail: message}}}
	r.See(report.Unit{Name: "flux-system/a\x1b[1m"}, report.PhaseFailed, message, births.At(1))
	r.Nudges = map[string]int{"\x1b[5m": 1}
	var out strings.Builder
	_ = view.New(&out, false, nil).Draw(r, births.At(2))
	const want = "     1.0s  fetch[H: failed in 0.00s: [2J]0;titlebad31m line one two 漢字漢字漢字漢字 e\u0301 \ufffd \U0001f4a5\n" +
		"     1.0s  a[1m: failed: [2J]0;titlebad31m line one two 漢字漢字漢字漢字 e\u0301 \ufffd \U0001f4a5\n" +
		"     2.0s  asked Flux to look again: 1 for [5m\n"
	if out.String() != want {
		t.Errorf("%q\nwant %q", out.String(), want)
	}
	for width := 1; width < 90; width++ {
		screen := newTerminal(t, width, 6)
		_ = view.New(screen, true, screen.size).Draw(r, births.At(2))
		if screen.wrapped {
			t.Errorf("%d columns: wrapped\n%s", width, screen.screen())
		}
	}
	screen := newTerminal(t, 51, 24)
	_ = view.New(screen, true, screen.size).Draw(r, births.At(2))
	expect(t, screen.screen(), `
2s: 0 of 1 Ready, 1 failed
asked Flux to look again: 1 for [5m
✗ fetch[H 1s  failed: [2J]0;titlebad31m line one
    two 漢字漢字漢字漢字 e � 💥
✗ a[1m 1s  failed: [2J]0;titlebad31m line one two
    漢字漢字漢字漢字 e � 💥`)
}

func TestColors(t *testing.T) {
	for _, test := range []struct {
		name, term, noColor string
		colors, live        bool
	}{
		{"a terminal", "xterm", "", true, true},
		{"NO_COLOR", "xterm", "1", false, true},
		{"a terminal that cannot move its cursor", "dumb", "", false, false},
		{"a terminal of which nothing is known", "", "", false, false},
	} {
		t.Setenv("TERM", test.term)
		t.Setenv("NO_COLOR", test.noColor)
		screen := newTerminal(t, 80, 24)
		v := view.New(screen, true, screen.size)
		_ = v.Draw(parts(), births.At(40))
		if len(screen.styles) > 0 != test.colors || v.Live() != test.live || screen.hidden != test.live {
			t.Errorf("%s: styles %v, live %v, cursor hidden %v", test.name, screen.styles, v.Live(), screen.hidden)
		}
	}
}

// A terminal that gets another width may have moved what is on it: nothing that was there before the view is written over.
func TestResize(t *testing.T) {
	t.Parallel()
	r := births.Tiny()
	screen := newTerminal(t, 80, 24)
	v := view.New(screen, true, screen.size)
	_, _ = screen.Write([]byte("$ seed follow\r\n"))
	_ = v.Draw(births.AsOf(r, births.At(5)), births.At(5))
	screen.resize(40, 20)
	_ = v.Draw(births.AsOf(r, births.At(6.5)), births.At(6.5))
	_ = v.Draw(r, births.At(8))
	expect(t, screen.screen(), `
$ seed follow
5s: 0 of 1 Ready
○ flux-system 1s  waits for Flux to look
8s: 1 of 1 Ready
first app online 7.2s (flux-system), ev…
✓ flux-system  Ready 7.2s, waited 2.1s …`)
	screen.resize(40, 4) // now it has less than it needs
	_ = v.Draw(r, births.At(9))
	if lines := strings.Split(screen.screen(), "\n"); !screen.hidden || len(lines) > 4 || screen.wrapped {
		t.Error(screen.screen())
	}
	unknown := newTerminal(t, 80, 24)
	_ = view.New(unknown, true, func() (int, int) { return 0, 0 }).Draw(births.Large(), births.At(60))
	if len(strings.Split(unknown.screen(), "\n")) != 24 || unknown.wrapped || len(unknown.above) > 0 {
		t.Errorf("of a terminal that does not know its size:\n%s", unknown.screen())
	}
}
