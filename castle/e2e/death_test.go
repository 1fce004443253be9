//go:build root

package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tazlab/seed/castle/internal/talos"
)

// A component that dies takes the castle down, and who waits for seed is told which one and why.
func TestDeadComponentEndsTheWait(t *testing.T) {
	w := newWorld(t, talos.Inventory)
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.Follow(ctx) }()
	kill(t, "etcd", w.NodeDir())
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the node ended: ") || !strings.Contains(err.Error(), "etcd") {
		t.Errorf("Follow: %v, want the dead component named", err)
	}
}

// kill ends the one process that runs program for the node in dir.
func kill(t *testing.T, program, dir string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		path, err := os.Readlink(link)
		if err != nil || filepath.Base(path) != program {
			continue
		}
		arguments, err := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
		if err != nil || !strings.Contains(string(arguments), dir) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no %s runs for %s", program, dir)
}
