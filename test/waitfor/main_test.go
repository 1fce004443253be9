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

	"github.com/tazlab/seed/test/apiserver"
)

var (
	// admin is the access of a cluster admin to the API server of this run.
	admin *rest.Config
	// program is waitfor, as it ships.
	program string
)

func TestMain(m *testing.M) {
	os.Exit(apiserver.Suite{Begin: func(config *rest.Config, folder string) error {
		admin = config
		var err error
		program, err = build(folder)
		return err
	}}.Run(m))
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
