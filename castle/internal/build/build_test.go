package build_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/castle/internal/build"
)

const (
	tinyMod  = "module example.test/tiny\n\ngo 1.26.0\n"
	tinyMain = "package main\n\nvar version = \"none\"\n\nfunc main() { println(version) }\n"
)

// checkout makes a root folder with one tiny module in the folder "part", and options to build it as "tiny".
func checkout(t *testing.T, main string) (build.Options, *bytes.Buffer) {
	t.Helper()
	root := t.TempDir()
	write(t, root, "part/go.mod", tinyMod)
	write(t, root, "part/main.go", main)
	out := &bytes.Buffer{}
	parts := []build.Part{{Name: "tiny", Module: "part", Package: "."}}
	return build.Options{Root: root, Cache: t.TempDir(), Progress: out, Parts: parts}, out
}

func write(t *testing.T, root, name, content string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tiny builds and returns the program's path.
func tiny(t *testing.T, opts build.Options) string {
	t.Helper()
	paths, err := build.All(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return paths["tiny"]
}

func TestSecondCallBuildsNothing(t *testing.T) {
	opts, out := checkout(t, tinyMain)
	opts.Parts[0].LDFlags = "-X main.version=v1.2.3"
	first := tiny(t, opts)
	if said, err := exec.Command(first).CombinedOutput(); err != nil || string(said) != "v1.2.3\n" {
		t.Errorf("the program said %q (%v), want its version", said, err)
	}
	for _, want := range []string{"[ 1/1] tiny ", "building …", "built in", "MiB\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("progress %q lacks %q", out, want)
		}
	}
	before, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	after, err := os.Stat(tiny(t, opts))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || strings.Contains(out.String(), "building") {
		t.Errorf("built again: %q", out)
	}
	if !strings.Contains(out.String(), "all 1 parts are built") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("progress %q, want one summary line", out)
	}
}

func TestUnknownPart(t *testing.T) {
	opts, _ := checkout(t, tinyMain)
	_, err := build.All(t.Context(), opts, "tinny")
	if err == nil || !strings.Contains(err.Error(), "tinny") || !strings.Contains(err.Error(), "tiny") {
		t.Errorf("error %v, want the wrong name and the known ones", err)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	opts, out := checkout(t, "package main\n\nfunc main() { missing() }\n")
	_, err := build.All(t.Context(), opts)
	if err == nil {
		t.Fatal("a program that cannot compile was built")
	}
	for _, want := range []string{"build tiny", filepath.Join(opts.Root, "part"), "undefined: missing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if !strings.Contains(out.String(), "failed after") {
		t.Errorf("progress %q does not say that it failed", out)
	}
	assertEmpty(t, filepath.Join(opts.Cache, "bin"))
}

func TestLeftoverOfKilledBuildIsRemoved(t *testing.T) {
	opts, _ := checkout(t, tinyMain)
	write(t, opts.Cache, "bin/.unfinished-1/tiny", "half")
	tiny(t, opts)
	if _, err := os.Stat(filepath.Join(opts.Cache, "bin/.unfinished-1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the leftover is still there: %v", err)
	}
}

func TestBuildRemovesWhatWasLongUnused(t *testing.T) {
	opts, _ := checkout(t, tinyMain)
	write(t, opts.Cache, "bin/tiny-0123456789abcdef/tiny", "old")
	write(t, opts.Cache, "bin/tiny-fedcba9876543210/tiny", "used")
	longAgo := time.Now().AddDate(0, 0, -8)
	old := filepath.Join(opts.Cache, "bin/tiny-0123456789abcdef")
	if err := os.Chtimes(old, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	tiny(t, opts)
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old program is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(opts.Cache, "bin/tiny-fedcba9876543210/tiny")); err != nil {
		t.Errorf("a program used lately is gone: %v", err)
	}
}

func TestCancelEndsTheBuildAndItsChildren(t *testing.T) {
	opts, _ := checkout(t, tinyMain)
	started := slowGo(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := build.All(ctx, opts)
		ended <- err
	}()
	var group int
	select {
	case group = <-started:
	case err := <-ended:
		t.Fatalf("the build ended by itself: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "build tiny") {
		t.Errorf("error %v, want the part and that it was cancelled", err)
	}
	// The child is an orphan by now: it may be dead and there as long as PID 1 has not collected it. If it lives, it does so for ever.
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return errors.Is(syscall.Kill(-group, 0), syscall.ESRCH), nil
	})
	if err != nil {
		t.Errorf("processes of the build are still there: %v", err)
	}
	assertEmpty(t, filepath.Join(opts.Cache, "bin"))
}

// slowGo puts a `go` in the PATH whose builds hang in a child; the channel gets the process group of the build. The child
// itself says that it is there: a shell between fork and exec would swallow the signal that the test is about.
func slowGo(t *testing.T) <-chan int {
	t.Helper()
	goPath, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fifo := filepath.Join(dir, "started")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = build ] || exec %q \"$@\"\necho $$ >%q\ntail -f %[2]q >%[3]q\nexit 1\n",
		goPath, filepath.Join(dir, "group"), fifo)
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	started := make(chan int, 1)
	go func() {
		pipe, err := os.Open(fifo)
		if err != nil {
			return
		}
		defer pipe.Close()
		line, _ := bufio.NewReader(pipe).ReadString('\n')
		if group, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			started <- group
		}
		_, _ = io.Copy(io.Discard, pipe) // tail ends when nobody reads
	}()
	return started
}

func TestSecondBuildWaitsForTheFirst(t *testing.T) {
	opts, _ := checkout(t, tinyMain)
	lock := flock.New(filepath.Join(opts.Cache, "lock"))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	waited := false
	opts.Progress = writerFunc(func(line []byte) (int, error) {
		if strings.Contains(string(line), "another build holds") {
			waited = true
			return len(line), lock.Unlock()
		}
		if !waited {
			t.Errorf("began to build under another's lock: %q", line)
		}
		return len(line), nil
	})
	tiny(t, opts)
	if !waited {
		t.Error("did not say that it waits")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func assertEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
}
