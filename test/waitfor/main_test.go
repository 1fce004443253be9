//go:build apiserver

// Package waitfor_test tests the program waitfor against a real kube-apiserver. "make api" brings the programs:
// KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver.
package waitfor_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

var (
	// admin is the access of a cluster admin to the API server of this run.
	admin *rest.Config
	// program is waitfor, as it ships.
	program string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "these tests need a kube-apiserver: run them with \"make api\"")
		return 1
	}
	dir, err := os.MkdirTemp("", "waitfor")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if program, err = build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	env := &envtest.Environment{}
	if admin, err = env.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server:", err)
		return 1
	}
	code := m.Run()
	if err := env.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		return 1
	}
	return code
}

// build compiles waitfor with the flags of "make build".
func build(dir string) (string, error) {
	file := filepath.Join(dir, "waitfor")
	command := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-gcflags=all=-l", "-ldflags", "-s -w", "-o", file, "../../cmd/waitfor")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building waitfor: %w\n%s", err, out)
	}
	return file, nil
}
