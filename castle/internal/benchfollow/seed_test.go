package benchfollow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program makes a shell script in place of seed, and what the API server's log is before it starts.
func program(t *testing.T, script string) (*bench, auditLog) {
	t.Helper()
	b := &bench{dir: t.TempDir()}
	b.seed = filepath.Join(b.dir, "seed")
	if err := os.WriteFile(b.seed, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(b.dir, "audit.log")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return b, auditLog{file: file}
}

func TestSeedFollowsOnceItWatches(t *testing.T) {
	entry := said("1", "ResponseStarted", "10.000000", "watch", "admin", "seed", "kustomizations")
	b, log := program(t, `echo "$KUBECONFIG: $@" >&2; cp entry audit.log; exec sleep 600`)
	if err := os.WriteFile(filepath.Join(b.dir, "entry"), []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := b.follow(t.Context(), "/node", "chain", log)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.lives(); err != nil {
		t.Error(err)
	}
	f.end()
	if err := f.lives(); err == nil || !strings.HasSuffix(err.Error(), "\n/node/kubeconfig: follow --root flux-system/chain --watch --metrics-addr=127.0.0.1:0 --health-addr=127.0.0.1:0\n") {
		t.Errorf("after its end: %v", err)
	}
	f.end() // once more does no harm
}

func TestSeedThatEndsOrCannotFollow(t *testing.T) {
	b, log := program(t, "echo no such root >&2; exit 3")
	if _, err := b.follow(t.Context(), "/node", "chain", log); err == nil || !strings.Contains(err.Error(), "exit status 3\nno such root") {
		t.Errorf("a seed that ended: %v", err)
	}
	if err := canFollow(t.Context(), b.seed); err == nil || !strings.Contains(err.Error(), "--variants stock,5s,1s") {
		t.Errorf("a seed that cannot follow: %v", err)
	}
	b, _ = program(t, `test "$*" = "follow --help"`)
	if err := canFollow(t.Context(), b.seed); err != nil {
		t.Error(err)
	}
}
