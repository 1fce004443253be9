package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long Stop waits for an orderly end before it kills the supervisor, and with it all that runs in the node.
const patience = 15 * time.Second

// entries of Dir: all that a castle makes in it, so that Stop removes nothing else.
var entries = []string{
	"castle.json", "config.json", "events.jsonl", "kubeconfig", "hosts", "resolv.conf", "etc", "pki", "log", "etcd", "containerd", "kubelet", "cni",
	"certs.d", "overlay", "cgroup-controllers",
}

// Stop takes the node in dir away: its processes, with them its namespaces, then its cgroups and its files. It may be called at
// any time, also for a node whose supervisor was killed, or that is not there.
func Stop(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("stop castle: %w", err)
	}
	if err := halt(ctx, dir); err != nil {
		return fmt.Errorf("stop castle in %s: %w", dir, err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry)); err != nil {
			return fmt.Errorf("stop castle: %w", err)
		}
	}
	_ = os.Remove(dir) // unless it holds something of someone else's
	return nil
}

// halt ends the processes of the node in dir and removes what they leave in the kernel. Its files stay.
func halt(ctx context.Context, dir string) error {
	state, err := readState(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := state.end(ctx); err != nil {
			return err
		}
	}
	return removeCgroups(ctx, dir)
}

// end asks the supervisor to end and waits until it is gone. The end of PID 1 is reported after that of all its namespace.
func (s *State) end(ctx context.Context) error {
	fd, err := unix.PidfdOpen(s.PID, 0)
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", s.PID, err)
	}
	defer unix.Close(fd)
	if !s.alive() { // asked after opening: from here on fd is that process or none
		return nil
	}
	for _, step := range []struct {
		signal unix.Signal
		wait   time.Duration
	}{{unix.SIGTERM, patience}, {unix.SIGKILL, patience}} {
		if err := unix.PidfdSendSignal(fd, step.signal, nil, 0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("signal process %d: %w", s.PID, err)
		}
		if gone, err := waitFor(ctx, fd, step.wait); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("process %d does not end", s.PID)
}

// waitFor waits until the process behind a pidfd has ended.
func waitFor(ctx context.Context, fd int, most time.Duration) (gone bool, err error) {
	for end := time.Now().Add(most); time.Now().Before(end); {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		if err != nil && err != unix.EINTR {
			return false, fmt.Errorf("wait for the supervisor's end: %w", err)
		}
		if n > 0 {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return false, nil
}
