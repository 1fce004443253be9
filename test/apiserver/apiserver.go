// Package apiserver starts a real kube-apiserver, with etcd, for tests. KUBEBUILDER_ASSETS names the folder with both programs.
package apiserver

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// assets is the variable that envtest reads.
const assets = "KUBEBUILDER_ASSETS"

// Suite is the tests of a package, with one API server for all of them.
type Suite struct {
	// Needs are further variables that must be set.
	Needs []string
	// Definitions are files and folders whose CustomResourceDefinitions it serves.
	Definitions []string
	// Begin is called before the first test, with the access of a cluster admin and an empty folder that is there as long as
	// the tests run.
	Begin func(admin *rest.Config, folder string) error
}

// Run runs the tests of m and returns the exit code. It is 1 also if they could not begin, or left something running.
func (s Suite) Run(m *testing.M) int {
	code, err := s.run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func (s Suite) run(m *testing.M) (code int, err error) {
	if err := set(append([]string{assets}, s.Needs...)...); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "apiserver-")
	if err != nil {
		return 0, fmt.Errorf("making a folder for the tests: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	env := &envtest.Environment{CRDInstallOptions: envtest.CRDInstallOptions{Paths: s.Definitions, ErrorIfPathMissing: true}}
	admin, err := env.Start()
	if err != nil {
		return 0, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() { err = errors.Join(err, stop(env)) }()
	if err := s.Begin(admin, folder); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// Start starts env for one test, and stops it when that has ended. It returns the access of a cluster admin.
func Start(t *testing.T, env *envtest.Environment) *rest.Config {
	t.Helper()
	if err := set(assets); err != nil {
		t.Fatal(err)
	}
	admin, err := env.Start()
	if err != nil {
		t.Fatalf("starting the API server: %v", err)
	}
	t.Cleanup(func() {
		if err := stop(env); err != nil {
			t.Error(err)
		}
	})
	return admin
}

func stop(env *envtest.Environment) error {
	if err := env.Stop(); err != nil {
		return fmt.Errorf("stopping the API server: %w", err)
	}
	return nil
}

// set is an error if one of variables is not.
func set(variables ...string) error {
	for _, variable := range variables {
		if os.Getenv(variable) == "" {
			return fmt.Errorf("%s is not set: run these tests with the target of the Makefile that sets it", variable)
		}
	}
	return nil
}
