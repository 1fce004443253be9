//go:build apiserver

package plant_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// seed is one run of the real binary, as its Job would start it.
type seed struct {
	command     *exec.Cmd
	stdout      bytes.Buffer // to be read after its end
	stderr      output
	termination string // file
	ended       chan struct{}
	code        int // after its end
}

// output is what a process has written so far; who waits is woken by every write.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// next returns what is there and a channel that is closed when there is more.
func (o *output) next() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more == nil {
		o.more = make(chan struct{})
	}
	return o.text.String(), o.more
}

// start runs seed until the test ends it, or its own end.
func (w *world) start(t *testing.T) *seed {
	t.Helper()
	s := &seed{termination: filepath.Join(t.TempDir(), "termination-log"), ended: make(chan struct{})}
	if err := os.WriteFile(s.termination, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.command = exec.Command(os.Getenv("SEED"), "run", "--config-dir", w.configDir, "--token-dir", w.tokenDir, "--work-dir", t.TempDir(), "--termination-log", s.termination)
	s.command.Env = []string{"KUBECONFIG=" + kubeconfig, "POD_NAME=" + w.name, "POD_UID=uid-of-" + w.name}
	s.command.Args, s.command.Env = append(s.command.Args, w.arguments...), append(s.command.Env, w.variables...)
	s.command.Stdout, s.command.Stderr = &s.stdout, &s.stderr
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.command.Wait() // its error is the exit code
		s.code = s.command.ProcessState.ExitCode()
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = s.command.Process.Kill() // if it has ended already, that is well
		<-s.ended
	})
	return s
}

// says waits until seed has written text.
func (s *seed) says(ctx context.Context, text string) error {
	for {
		so, more := s.stderr.next()
		if strings.Contains(so, text) {
			return nil
		}
		select {
		case <-more:
		case <-s.ended:
			return fmt.Errorf("seed ended with %d before it said %q:\n%s", s.code, text, s.stderr.String())
		case <-ctx.Done():
			return fmt.Errorf("waiting for seed to say %q: %w:\n%s", text, context.Cause(ctx), so)
		}
	}
}

// end sends SIGTERM, as the kubelet does, and waits: no wait of seed's may outlive it.
func (s *seed) end(ctx context.Context) error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for seed to end after SIGTERM: %w", context.Cause(ctx))
	}
}

// failed is what seed says of a try that failed, before the Event of it and before the pause until the next one.
const failed = `msg="cannot go on"`

// tries is how many tries have failed so far.
func (s *seed) tries() int { return strings.Count(s.stderr.String(), failed) }

// firstFailure waits until a try has failed, and returns when the first one did, in whole milliseconds.
func (s *seed) firstFailure(ctx context.Context) (time.Time, error) {
	if err := s.says(ctx, failed); err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(s.stderr.String()) {
		if strings.Contains(line, failed) {
			at, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
			return time.Parse(time.RFC3339, at)
		}
	}
	return time.Time{}, errors.New("seed's log has lost a line")
}

// all is everything that seed has written anywhere but into the cluster; to be called after its end.
func (s *seed) all(t *testing.T) string {
	t.Helper()
	termination, err := os.ReadFile(s.termination)
	if err != nil {
		t.Fatal(err)
	}
	return s.stdout.String() + s.stderr.String() + string(termination)
}
