package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a component gets to end by itself.
const grace = time.Second

// supervisor starts programs and, as PID 1, collects every process that ends: its own children and the orphans of others.
type supervisor struct {
	dir    string
	events *recorder
	fail   context.CancelCauseFunc

	mu       sync.Mutex // held from before a child starts until it is in children, so that it is not collected unseen
	children map[int]*child
	stopping bool
}

// child is a program that the supervisor started.
type child struct {
	name    string
	process *os.Process
	lasting bool // its end is the node's failure
	done    chan struct{}
	status  unix.WaitStatus // valid when done is closed
}

func newSupervisor(dir string, events *recorder, fail context.CancelCauseFunc) *supervisor {
	s := &supervisor{dir: dir, events: events, fail: fail, children: map[int]*child{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		for range ended {
			s.collect()
		}
	}()
	return s
}

// component starts a program that lives as long as the node.
func (s *supervisor) component(name, path string, args ...string) error {
	if _, err := s.spawn(name, true, path, args...); err != nil {
		return err
	}
	s.events.record(Event{Name: Started, Component: name})
	return nil
}

// run runs a program to its end.
func (s *supervisor) run(ctx context.Context, name, path string, args ...string) error {
	c, err := s.spawn(name, false, path, args...)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		_ = c.process.Kill()
		<-c.done
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.status.ExitStatus() != 0 {
		return fmt.Errorf("%s ended with %s: %s", name, describe(c.status), strings.Join(tail(Logs(s.dir, name), 3), " / "))
	}
	return nil
}

func (s *supervisor) spawn(name string, lasting bool, path string, args ...string) (*child, error) {
	log, err := os.OpenFile(Logs(s.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, fmt.Errorf("start %s: the node is going down", name)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, process: cmd.Process, lasting: lasting, done: make(chan struct{})}
	s.children[cmd.Process.Pid] = c
	return c, nil
}

// collect waits for all processes that have ended so far.
func (s *supervisor) collect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		c, ours := s.children[pid]
		if !ours {
			continue
		}
		delete(s.children, pid)
		c.status = status
		close(c.done)
		if c.lasting && !s.stopping {
			s.fail(&componentError{component: c.name, how: describe(status)})
		}
	}
}

// stop ends components in stages, each given the grace, those of a stage together.
func (s *supervisor) stop(stages ...[]string) {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	for _, stage := range stages {
		s.stopStage(stage)
	}
}

func (s *supervisor) stopStage(names []string) {
	var ending []*child
	s.mu.Lock()
	for _, c := range s.children {
		if slices.Contains(names, c.name) {
			_ = c.process.Signal(unix.SIGTERM) // an error means that it has just ended
			ending = append(ending, c)
		}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, c := range ending {
		select {
		case <-c.done:
		case <-ctx.Done():
			_ = c.process.Kill()
			<-c.done
		}
	}
}

// componentError is the cause of a node's end when a component ended unasked.
type componentError struct{ component, how string }

func (e *componentError) Error() string { return e.component + " ended unexpectedly: " + e.how }

func describe(status unix.WaitStatus) string {
	if status.Signaled() {
		return "signal " + unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}
