package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHierarchies(t *testing.T) {
	for name, c := range map[string]struct {
		mountinfo string
		want      []hierarchy
	}{
		"version 1": {
			"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" +
				"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
				"40 31 0:37 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,name=systemd\n" +
				"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			[]hierarchy{
				{"/sys/fs/cgroup/cpu,cpuacct", false, "cpu,cpuacct"}, {"/sys/fs/cgroup/systemd", false, "name=systemd"},
				{"/sys/fs/cgroup/unified", true, ""},
			},
		},
		"version 2": {
			"29 22 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			[]hierarchy{{"/sys/fs/cgroup", true, ""}},
		},
	} {
		got, err := parseHierarchies(strings.NewReader(c.mountinfo))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v (%v)", name, got, err)
		}
	}
	if _, err := parseHierarchies(strings.NewReader("22 27 0:21 / /proc rw - proc proc rw\n")); err == nil {
		t.Error("no error without cgroups")
	}
}

func TestRemoveTree(t *testing.T) {
	top := filepath.Join(t.TempDir(), "top")
	if err := os.MkdirAll(filepath.Join(top, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is not there is removed
		if err := removeTree(top); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(top); !os.IsNotExist(err) {
		t.Errorf("still there (%v)", err)
	}
}

func TestConfigErrors(t *testing.T) {
	good := func() Config {
		c := Config{Dir: "d", Command: []string{"node"}, Binaries: map[string]string{}}
		for _, name := range Programs() {
			c.Binaries[name] = "/proc/self/exe"
		}
		return c
	}
	c := good()
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	if c.Goal != NodeReady || !filepath.IsAbs(c.Dir) || len(c.Doors) != 1 || c.Doors[0].Name != APIDoor {
		t.Errorf("completed: %+v", c)
	}
	for want, spoil := range map[string]func(*Config){
		"Dir and Command must be set": func(c *Config) { c.Dir = "" },
		"program etcd":                func(c *Config) { delete(c.Binaries, "etcd") },
		`goal "redy"`:                 func(c *Config) { c.Goal = "redy" },
		"without CNI":                 func(c *Config) { c.NoCNI = true },
	} {
		c := good()
		spoil(&c)
		if err := c.complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestStatusOfNothing(t *testing.T) {
	if _, err := Status(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := Enter(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestStateKnowsItsProcess(t *testing.T) {
	start, _, err := startTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	own, other := State{PID: os.Getpid(), StartTime: start}, State{PID: os.Getpid(), StartTime: start + 1}
	if !own.alive() || other.alive() {
		t.Errorf("alive: the process itself %t, an earlier one with its PID %t", own.alive(), other.alive())
	}
	dir := t.TempDir()
	if err := other.save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Enter(dir); err == nil {
		t.Error("a node that does not run can be entered")
	}
}

func TestEventsReachFileAndPipe(t *testing.T) {
	dir := t.TempDir()
	var pipe bytes.Buffer
	recorder, err := newRecorder(dir, &pipe)
	if err != nil {
		t.Fatal(err)
	}
	recorder.record(Event{Name: Started, Component: "etcd"})
	recorder.pipe = failingWriter{} // Start has gone
	recorder.record(Event{Name: Failed, Component: "etcd", Log: []string{"why"}})
	if err := (&State{PID: -1}).save(dir); err != nil {
		t.Fatal(err)
	}
	report, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Events) != 2 || report.Running || report.Failure == nil || report.Failure.Log[0] != "why" {
		t.Errorf("report: %+v", report)
	}
	if err := awaitGoal(Config{Dir: dir, Goal: APIReady}, &pipe); err == nil || !strings.Contains(err.Error(), `from "etcd started" to "api-ready"`) {
		t.Errorf("events that end before the goal: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAwaitGoalTellsOfFailure(t *testing.T) {
	events := `{"name":"started","component":"etcd"}` + "\n" + `{"name":"failed","message":"etcd ended unexpectedly","log":["disk full"]}` + "\n"
	var seen []string
	c := Config{Dir: t.TempDir(), Goal: APIReady, OnEvent: func(e Event) { seen = append(seen, e.Name) }}
	err := awaitGoal(c, strings.NewReader(events))
	if err == nil || !strings.Contains(err.Error(), "etcd ended unexpectedly\ndisk full") || len(seen) != 2 {
		t.Errorf("%v, seen %v", err, seen)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var text strings.Builder
	for i := range 10000 {
		fmt.Fprintln(&text, "line", i)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 2); !slices.Equal(got, []string{"line 9998", "line 9999"}) {
		t.Errorf("%q", got)
	}
	if got := tail(path+"?", 2); got != nil {
		t.Errorf("of a missing file: %q", got)
	}
}

func TestForwardCarriesBothWaysAndTheEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	inner, outer := listen(t), listen(t)
	go func() { // answers when the client has said all
		conn, err := inner.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		said, _ := io.ReadAll(conn)
		_, _ = conn.Write(append([]byte("heard: "), said...))
	}()
	go forward(ctx, "test", outer, inner.Addr().String())
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", outer.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || answer != "heard: hello\n" {
		t.Errorf("%q (%v)", answer, err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func TestPollSaysWhatItWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	tries := 0
	err := poll(ctx, "wait for Godot", func(context.Context) error {
		if tries++; tries == 3 {
			cancel(errors.New("curtain"))
		}
		return errors.New("not today")
	})
	if err == nil || err.Error() != "wait for Godot: curtain (last: not today)" {
		t.Errorf("%v", err)
	}
}
