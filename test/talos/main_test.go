package talos

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	root  = "../.."
	image = "registry.example.com/seed:v1"
)

// program is seed, built for these tests.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "seed-talos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "seed")
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", program, "./cmd/seed")
	build.Dir, build.Env, build.Stderr = root, append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build seed:", err)
		return 1
	}
	return m.Run()
}

// seed runs it, and returns what it prints on standard output and on standard error, and its exit code.
func seed(t *testing.T, args ...string) (out, messages string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), program, args...)
	command.Env = []string{"HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), command.ProcessState.ExitCode()
}

// works is seed where it must succeed.
func works(t *testing.T, args ...string) (out, messages string) {
	t.Helper()
	out, messages, code := seed(t, args...)
	if code != 0 {
		t.Fatalf("seed %q ended with %d: %s", args, code, messages)
	}
	return out, messages
}

// write makes a file that nobody else can read, as the documents ask for.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
