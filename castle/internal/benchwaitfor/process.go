package benchwaitfor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// waiter is a process that waits, with all that it starts in a process group of its own.
type waiter struct {
	rival rival
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when it has ended and was waited for
	err   error         // how; valid then
}

// start lets the n-th account wait for a Secret.
func (b *bench) start(s *server, n int, r rival, secret string) (*waiter, error) {
	line := r.line(secret)
	env, err := b.environment(s, n)
	if err != nil {
		return nil, err
	}
	w := &waiter{rival: r, log: filepath.Join(s.accountDir(n), "log"), ended: make(chan struct{})}
	log, err := os.Create(w.log)
	if err != nil {
		return nil, fmt.Errorf("make the log of %s: %w", r.name, err)
	}
	defer log.Close()
	// No context ends it: end and outlast do, and take the whole group with them.
	w.cmd = &exec.Cmd{
		Path: b.tools[line[0]], Args: line, Env: env, Dir: "/", Stdout: log, Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", r.name, err)
	}
	go func() {
		w.err = w.cmd.Wait()
		close(w.ended)
	}()
	return w, nil
}

// outlast waits for the waiter's success, which must come within a minute.
func (w *waiter) outlast(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case <-w.ended:
	case <-ctx.Done():
		w.end()
		return errors.Join(context.Cause(ctx), w.failure())
	}
	if w.err != nil {
		return w.failure()
	}
	return nil
}

// failure tells how the waiter ended, with its last words.
func (w *waiter) failure() error {
	words, _ := os.ReadFile(w.log)
	return fmt.Errorf("%s ended: %v\n%.1000s", w.rival.name, w.cmd.ProcessState, words)
}

// waits returns an error when the waiter has ended by itself.
func (w *waiter) waits() error {
	select {
	case <-w.ended:
		return fmt.Errorf("should still wait: %w", w.failure())
	default:
		return nil
	}
}

// end ends the waiter and what it started.
func (w *waiter) end() {
	_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGTERM) // an error means that it has just ended
	select {
	case <-w.ended:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL)
		<-w.ended
	}
}

// cpu is the time that the waiter and those it waited for have used, in milliseconds; to be asked when it has ended.
func (w *waiter) cpu() float64 {
	return float64((w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()).Microseconds()) / 1e3
}

// peak is the most memory that process pid has held so far, in MB. It is the kernel's VmHWM: what wait4(2) tells of a
// child counts this program's own memory in, from between fork and exec.
func peak(pid int) (float64, error) {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	status, err := proc.NewStatus()
	return float64(status.VmHWM) / 1e6, err
}

// follow reads the waiter's peak until it has ended. The last look is up to a millisecond old.
func (w *waiter) follow() float64 {
	most := 0.0
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-w.ended:
			tick.Stop()
			return most
		case <-tick.C:
			if now, err := peak(w.cmd.Process.Pid); err == nil { // else it is just ending
				most = max(most, now)
			}
		}
	}
}
