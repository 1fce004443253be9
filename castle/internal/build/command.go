package build

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// grace is how long `go` gets to remove its work folder after it was told to stop.
const grace = 10 * time.Second

// goCommand prepares a run of the go command that does not depend on the user's own Go settings and ends with ctx.
func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GO111MODULE=on", "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0",
		"GOOS=linux", "GOARCH="+runtime.GOARCH)
	// The compilers that go starts must end too: a group of their own, and the signal to all of it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = grace
	return cmd
}

// run returns what a go command prints. It asks nothing of the network.
func run(ctx context.Context, dir string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := goCommand(ctx, dir, args...)
	cmd.Env = append(cmd.Env, "GOPROXY=off")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", failure(ctx, "go "+args[0], dir, err, stderr.String())
	}
	return stdout.String(), nil
}

// compile runs `go build` and calls tick each second until it ended.
func compile(ctx context.Context, t target, root, output string, tick func()) error {
	var log bytes.Buffer
	dir := filepath.Join(root, t.Module)
	cmd := goCommand(ctx, dir, append([]string{"build", "-o", output}, t.args...)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("build %s in %s: %w", t.Name, dir, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		select {
		case <-seconds.C:
			tick()
		case err := <-ended:
			if err != nil {
				// A compiler that missed the signal must not outlive the build; mostly none is left.
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				return failure(ctx, "build "+t.Name, dir, err, log.String())
			}
			return nil
		}
	}
}

// failure tells what was run, where and why it failed: the end of ctx, or the last lines of what go printed.
func failure(ctx context.Context, what, dir string, err error, output string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s in %s: %w", what, dir, context.Cause(ctx))
	}
	return fmt.Errorf("%s in %s: %w\n%s", what, dir, err, tail(output, 30))
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
