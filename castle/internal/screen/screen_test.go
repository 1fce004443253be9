package screen_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tazlab/seed/castle/internal/screen"
	"github.com/tazlab/seed/castle/internal/screen/screentest"
)

// A live view is for a terminal whose cursor can be moved. Whoever writes to a file, or to a pipe, gets lines.
func TestLive(t *testing.T) {
	terminal := screentest.Open(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, test := range map[string]struct {
		out  io.Writer
		term string
		want bool
	}{
		"a terminal":           {terminal.File, "xterm", true},
		"one without a cursor": {terminal.File, "dumb", false},
		"one without a name":   {terminal.File, "", false},
		"a file":               {file, "xterm", false},
		"anything else":        {&bytes.Buffer{}, "xterm", false},
	} {
		t.Setenv("TERM", test.term)
		if got := screen.New(test.out).Live(); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// lend lends the terminal to a shell script in place of a program that draws.
func lend(ctx context.Context, s *screen.Screen, script string, arguments ...string) error {
	return s.Lend(ctx, "/bin/sh", append([]string{"-c", script, "draws"}, arguments...), append(os.Environ(), "WHO=me"))
}

func say(t *testing.T, out io.Writer, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(out, line); err != nil {
		t.Error(err)
	}
}

// cursor is what is written after a program that was killed.
const cursor = "\x1b[0m\x1b[?25h\n"

// Nobody else writes to the terminal while a program draws on it. That one is ended and waited for, and says nothing more; what
// it says on standard output is for nobody.
func TestLend(t *testing.T) {
	t.Parallel()
	for logs, want := range map[bool]string{
		false: "before\ndrawn -a b, me\n" + cursor + "of the castle\nafter\n",
		true:  "before\ndrawn -a b, me\n" + cursor + "of a log\nof the castle\nafter\n",
	} {
		terminal := screentest.Open(t)
		s := screen.New(terminal.File)
		ctx, cancel := context.WithCancel(t.Context())
		const draws = `trap 'echo asked to end >&2; exit 130' TERM INT; echo for nobody; echo "drawn $*, $WHO" >&2; while :; do :; done`
		say(t, s, "before")
		ended := make(chan error)
		go func() { ended <- lend(ctx, s, draws, "-a", "b") }()
		terminal.Until(t, "drawn")
		say(t, s.Log(), "of a log")
		say(t, s, "of the castle")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.Release(logs)
		say(t, s, "after")
		if got := terminal.Until(t, "after\n"); got != want {
			t.Errorf("on the terminal is\n%q, want\n%q", got, want)
		}
	}
}

// One that ends by itself is told of, unless it ended well.
func TestLendEndsByItself(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"exit 0":                 "",
		"echo because >&2; exit": "",
		"exit 3":                 "run sh: exit status 3",
		"exit 130":               "run sh: exit status 130",
		"kill -9 $$":             "run sh: signal: killed",
	} {
		terminal := screentest.Open(t)
		s := screen.New(terminal.File)
		text := ""
		if err := lend(t.Context(), s, script); err != nil {
			text = err.Error()
		}
		if text != want {
			t.Errorf("%s: %s, want %s", script, text, want)
		}
		s.Release(true)
		say(t, s, "after")
		hidden := strings.Contains(want, "killed") // it may have hidden the cursor
		if got := terminal.Until(t, "after\n"); strings.Contains(got, cursor) != hidden {
			t.Errorf("%s: on the terminal is %q", script, got)
		}
	}
	s := screen.New(screentest.Open(t).File)
	if err := s.Lend(t.Context(), filepath.Join(t.TempDir(), "none"), nil, nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a program that is not there: %v", err)
	}
}

// A Ctrl-C reaches the program and the castle at once, and the program may be the faster one: it has not failed.
func TestLendInterrupted(t *testing.T) {
	t.Parallel()
	terminal := screentest.Open(t)
	s := screen.New(terminal.File)
	s.SetAlike(time.Hour) // the Ctrl-C below comes when this machine gets to it
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- lend(ctx, s, "echo gone >&2; exit 130") }()
	terminal.Until(t, "gone")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What is kept back is bounded, and the newest of it is kept.
func TestKeptBack(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := screen.New(&out)
	if err := lend(t.Context(), s, "exit"); err != nil {
		t.Fatal(err)
	}
	for n := range 1001 {
		say(t, s.Log(), fmt.Sprint("line ", n))
	}
	if out.Len() > 0 {
		t.Errorf("written before it was released: %s", &out)
	}
	s.Release(true)
	if text := out.String(); strings.Count(text, "\n") != 1000 || !strings.HasPrefix(text, "line 1\n") || !strings.HasSuffix(text, "line 1000\n") {
		t.Errorf("kept are %d lines, from %.20q on", strings.Count(text, "\n"), text)
	}
}
