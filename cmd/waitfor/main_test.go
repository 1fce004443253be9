package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is waitfor, built as it ships.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "waitfor")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "waitfor")
	build := exec.CommandContext(context.Background(), "go", append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", program}, append(flags, ".")...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building waitfor: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// container is where waitfor runs: its variables, and the file for its termination message.
type container struct {
	environ     []string
	termination string
}

// newContainer has a file for the termination message, as a kubelet makes it, and no other variables than these.
func newContainer(t *testing.T, environ ...string) *container {
	t.Helper()
	c := &container{termination: filepath.Join(t.TempDir(), "termination-log")}
	write(t, c.termination, "")
	c.environ = append([]string{"WAITFOR_TERMINATION_LOG=" + c.termination}, environ...)
	return c
}

// newPod is a container in a Pod: it also has a token, and the address of an API server where nobody is.
func newPod(t *testing.T, environ ...string) (c *container, volume string) {
	t.Helper()
	volume = t.TempDir()
	write(t, filepath.Join(volume, "token"), "a token")
	write(t, filepath.Join(volume, "namespace"), "apps")
	write(t, filepath.Join(volume, "ca.crt"), certificate(t))
	pod := []string{"KUBERNETES_SERVICE_HOST=127.0.0.1", "KUBERNETES_SERVICE_PORT=1", "WAITFOR_TOKEN_DIR=" + volume}
	return newContainer(t, append(pod, environ...)...), volume
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ended is a run that is over.
type ended struct {
	code                        int
	stdout, stderr, termination string
}

func (c *container) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Env = c.environ
	return command
}

// run runs waitfor to its end.
func (c *container) run(t *testing.T, args ...string) ended {
	t.Helper()
	command := c.command(t, args...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if _, exit := errors.AsType[*exec.ExitError](err); err != nil && !exit {
		t.Fatal(err)
	}
	message, err := os.ReadFile(c.termination)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		message = []byte(err.Error())
	}
	return ended{command.ProcessState.ExitCode(), stdout.String(), stderr.String(), string(message)}
}

// refused fails the test unless the run ended with 2 and one line, which is also the termination message and holds all
// texts.
func (e ended) refused(t *testing.T, texts ...string) {
	t.Helper()
	_, line, timed := strings.Cut(strings.TrimSuffix(e.stderr, "\n"), " error: ")
	if e.code != 2 || e.stdout != "" || !timed || strings.Contains(line, "\n") || e.termination != line {
		t.Errorf("exit %d\nstdout: %s\nstderr: %s\ntermination message: %s", e.code, e.stdout, e.stderr, e.termination)
	}
	for _, text := range texts {
		if !strings.Contains(line, text) {
			t.Errorf("%q lacks %q", line, text)
		}
	}
}
