package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Handle is a node that Start brought up.
type Handle struct {
	Dir string
	State
	done chan error
}

// Wait returns when the supervisor has ended, or with ctx. It works in the process that called Start only.
func (h *Handle) Wait(ctx context.Context) error {
	select {
	case err := <-h.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Start brings a node up and returns when it has reached its goal; the node lives on when the calling process ends. When the node
// fails, or ctx ends first, nothing of it runs any more, and Dir keeps its logs until the next Start or Stop. Needs root.
func Start(ctx context.Context, c Config) (*Handle, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if state, err := readState(c.Dir); err == nil && state.alive() {
		return nil, fmt.Errorf("start a castle in %s: one runs there already (process %d)", c.Dir, state.PID)
	}
	if err := Stop(ctx, c.Dir); err != nil { // what an earlier one left
		return nil, err
	}
	listeners, state, err := openDoors(c.Doors)
	if err != nil {
		return nil, err
	}
	defer closeAll(listeners)
	if err := prepare(c, state.Doors[APIDoor]); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", c.Dir, err)
	}
	return launch(ctx, c, state, listeners)
}

// launch starts the supervisor on what is in Dir, and waits for the goal.
func launch(ctx context.Context, c Config, state State, listeners []*os.File) (*Handle, error) {
	handle := &Handle{Dir: c.Dir, State: state, done: make(chan error, 1)}
	events, err := handle.spawn(c, listeners)
	if err != nil {
		return nil, err
	}
	defer events.Close()
	stop := context.AfterFunc(ctx, func() { _ = events.Close() })
	defer stop()
	if err := awaitGoal(c, events); err != nil {
		_ = syscall.Kill(handle.PID, syscall.SIGKILL) // our child, not waited for yet: the PID is its own
		<-handle.done
		return nil, errors.Join(err, ctx.Err())
	}
	return handle, nil
}

// environment is that of the supervisor and of all components: the folders in which a distribution keeps runc, nft, mount and
// the like, and nothing of the caller's, which may hold secrets.
var environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}

// spawn starts the supervisor and lets it go once castle.json tells others about it.
func (h *Handle) spawn(c Config, listeners []*os.File) (events *os.File, err error) {
	events, eventsIn, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the pipe of events: %w", err)
	}
	defer eventsIn.Close()
	reader := events
	defer func() {
		if err != nil {
			_ = reader.Close()
		}
	}()
	log, err := os.OpenFile(Logs(c.Dir, "supervisor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the supervisor's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", c.Command...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, c.Dir
	cmd.Env = environment
	cmd.ExtraFiles = append([]*os.File{eventsIn}, listeners...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	gate, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the supervisor's gate: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the supervisor (root is needed): %w", err)
	}
	go func() { h.done <- cmd.Wait() }()
	h.PID, h.Started = cmd.Process.Pid, time.Now()
	if h.StartTime, _, err = startTime(h.PID); err == nil {
		err = h.State.save(c.Dir)
	}
	if err == nil {
		_, err = io.WriteString(gate, "go\n")
	}
	if closeErr := gate.Close(); err == nil && closeErr != nil {
		err = closeErr
	}
	if err != nil { // the supervisor ends by itself when its gate closes unopened
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	return events, nil
}

func (s *State) save(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(statePath(dir), data)
}

// openDoors binds the doors in the host's network.
func openDoors(doors []Door) (files []*os.File, state State, err error) {
	state.Doors = make(map[string]string, len(doors))
	defer func() {
		if err != nil {
			closeAll(files)
		}
	}()
	for _, door := range doors {
		listener, err := net.Listen("tcp", door.HostAddr)
		if err != nil {
			return files, state, fmt.Errorf("open door %q: %w", door.Name, err)
		}
		state.Doors[door.Name] = listener.Addr().String()
		file, err := listener.(*net.TCPListener).File() //nolint:errcheck // net.Listen returns no other type for tcp
		_ = listener.Close()
		if err != nil {
			return files, state, fmt.Errorf("open door %q: %w", door.Name, err)
		}
		files = append(files, file)
	}
	return files, state, nil
}

func closeAll(files []*os.File) {
	for _, file := range files {
		_ = file.Close()
	}
}

// awaitGoal reads events until the goal or the end.
func awaitGoal(c Config, events io.Reader) error {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<20)
	last := "it began"
	for lines.Scan() {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("read the node's events: %w", err)
		}
		if c.OnEvent != nil {
			c.OnEvent(e)
		}
		last = strings.TrimSpace(e.Component + " " + e.Name)
		switch e.Name {
		case c.Goal:
			return nil
		case Failed:
			return fmt.Errorf("the node failed: %s\n%s", e.Message, strings.Join(e.Log, "\n"))
		}
	}
	log := strings.Join(tail(Logs(c.Dir, "supervisor"), 20), "\n")
	return fmt.Errorf("the node did not get from %q to %q; see %s\n%s", last, c.Goal, filepath.Join(c.Dir, "log"), log)
}
