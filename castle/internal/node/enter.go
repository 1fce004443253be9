package node

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// insideVar marks the supervisor's second life, after it has entered the namespaces that cannot be given to clone(2).
const insideVar = "CASTLE_INSIDE"

// enter waits for Start's go, moves into the castle's cgroups, makes the cgroup and time namespaces and executes the own binary
// again: the execution puts all threads into them. It returns only with an error.
func enter(c Config) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the start: %w", err)
	}
	all, err := hierarchies()
	if err != nil {
		return fmt.Errorf("find cgroups: %w", err)
	}
	if err := joinCgroups(c.Dir, all); err != nil {
		return err
	}
	runtime.LockOSThread() // unshare(2) works on the calling thread
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("make a cgroup namespace: %w", err)
	}
	state := "inside"
	if err := unshareTime(); err != nil {
		state = fmt.Sprintf("the machine's uptime is the host's: %v", err)
	}
	env := append(os.Environ(), insideVar+"="+state)
	return fmt.Errorf("execute the supervisor again: %w", unix.Exec("/proc/self/exe", os.Args, env))
}

// unshareTime makes a time namespace, in which the next program executed finds a machine that was booted just now:
// time_namespaces(7).
func unshareTime() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return fmt.Errorf("read the uptime: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWTIME); err != nil {
		return fmt.Errorf("make a time namespace: %w", err)
	}
	thread, err := os.Readlink("/proc/thread-self")
	if err != nil {
		return err
	}
	// The file exists for a process, not below task/; the id of a thread serves as well.
	offsets := filepath.Join("/proc", filepath.Base(thread), "timens_offsets")
	if err := os.WriteFile(offsets, fmt.Appendf(nil, "boottime -%d 0\n", now.Sec), 0o644); err != nil {
		return fmt.Errorf("set the uptime: %w", err)
	}
	return nil
}

// timeNote is what enter has to say about the time namespace: empty when all is well.
func timeNote() string { return strings.TrimPrefix(os.Getenv(insideVar), "inside") }

// Inside tells whether this process is the supervisor in its second life, in the node's namespaces.
func Inside() bool { return os.Getenv(insideVar) != "" }
