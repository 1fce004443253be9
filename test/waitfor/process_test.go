//go:build apiserver

package waitfor_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a running waitfor.
type process struct {
	command *exec.Cmd
	lines   chan string
	all     []string
	// termination is the file for the termination message.
	termination string
}

// start runs waitfor in the Pod. Its variables are those given and no others.
func (p *pod) start(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	termination := filepath.Join(t.TempDir(), "termination-log")
	p.write(t, termination, "")
	command := exec.CommandContext(t.Context(), program, args...)
	command.Env = append([]string{
		"KUBERNETES_SERVICE_HOST=" + p.host, "KUBERNETES_SERVICE_PORT=" + p.port,
		"WAITFOR_TOKEN_DIR=" + p.tokenDir, "WAITFOR_TERMINATION_LOG=" + termination,
	}, environ...)
	output, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	running := &process{command: command, lines: make(chan string, 1000), termination: termination}
	go func() {
		defer close(running.lines)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			running.lines <- lines.Text()
		}
		_, _ = io.Copy(io.Discard, output)
	}()
	t.Cleanup(func() { _ = command.Process.Kill() })
	return running
}

// limit is for how long a test waits for what must come: long, for the machine may be busy.
const limit = time.Minute

// await reads lines up to one that holds all texts, and returns it.
func (r *process) await(t *testing.T, texts ...string) string {
	t.Helper()
	return r.read(t, texts, func(line string) bool { return holds(line, texts) })
}

// awaitAny reads lines up to one that holds one of the texts.
func (r *process) awaitAny(t *testing.T, texts ...string) string {
	t.Helper()
	return r.read(t, texts, func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) })
	})
}

func (r *process) read(t *testing.T, texts []string, meant func(string) bool) string {
	t.Helper()
	for deadline := time.After(limit); ; {
		select {
		case line, open := <-r.lines:
			if !open {
				t.Fatalf("waitfor ended before it said %q:\n%s", texts, strings.Join(r.all, "\n"))
			}
			r.all = append(r.all, line)
			if meant(line) {
				return line
			}
		case <-deadline:
			t.Fatalf("waitfor has not said %q:\n%s", texts, strings.Join(r.all, "\n"))
		}
	}
}

// awaitAll reads lines until each text was in one of them, in any order.
func (r *process) awaitAll(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if r.has(text) == 0 {
			r.await(t, text)
		}
	}
}

func holds(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// end waits for the end, checks the exit code and that the termination message holds all texts, and returns it.
func (r *process) end(t *testing.T, code int, texts ...string) string {
	t.Helper()
	for deadline := time.After(limit); ; {
		select {
		case line, open := <-r.lines:
			if open {
				r.all = append(r.all, line)
				continue
			}
		case <-deadline:
			t.Fatalf("waitfor has not ended:\n%s", strings.Join(r.all, "\n"))
		}
		break
	}
	err := r.command.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if got := r.command.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d (%v), want %d:\n%s", got, exit, code, strings.Join(r.all, "\n"))
	}
	message, err := os.ReadFile(r.termination)
	if err != nil {
		t.Fatal(err)
	}
	if !holds(string(message), texts) {
		t.Errorf("termination message %q lacks some of %q", message, texts)
	}
	return string(message)
}

// signal sends a signal.
func (r *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// signalled ends waitfor by SIGTERM: it was not met until then.
func (p *pod) signalled(t *testing.T, r *process, texts ...string) {
	t.Helper()
	r.signal(t, syscall.SIGTERM)
	r.end(t, 143, texts...)
}

// has counts the lines so far that hold a text.
func (r *process) has(text string) int {
	n := 0
	for _, line := range r.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (r *process) log() string { return strings.Join(r.all, "\n") }
