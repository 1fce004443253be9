// Package apiserver starts a real kube-apiserver, with etcd, for tests. KUBEBUILDER_ASSETS names the folder with both programs.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/test/loopback"
)

// assets is the variable that envtest reads.
const assets = "KUBEBUILDER_ASSETS"

// patience bounds each step of starting and stopping. Two cores with a linker and two packages of tests on them need far more than
// the 20 s (a process), 10 s (definitions) and 5 s (the namespace default) of envtest's own Start, which then begins anew at ports that
// its first try may still hold.
const patience = 3 * time.Minute

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
	defer func() { err = errors.Join(err, stop(env)) }()
	admin, err := start(context.Background(), env)
	if err != nil {
		return 0, err
	}
	if err := s.Begin(admin, folder); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// Start starts the control plane of env with its CRDInstallOptions for one test, and stops it when that has ended. It returns the
// access of a cluster admin. The API server may be stopped and started again meanwhile: nobody takes its address.
func Start(t *testing.T, env *envtest.Environment) *rest.Config {
	t.Helper()
	if err := set(assets); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(env); err != nil {
			t.Error(err)
		}
	})
	admin, err := start(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

// start does what envtest's Start does, but at addresses of their own and with patience.
func start(ctx context.Context, env *envtest.Environment) (*rest.Config, error) {
	if err := place(&env.ControlPlane); err != nil {
		return nil, fmt.Errorf("choosing addresses for etcd and the API server: %w", err)
	}
	if err := env.ControlPlane.Start(); err != nil {
		return nil, fmt.Errorf("starting etcd and the API server: %w", err)
	}
	user, err := env.ControlPlane.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, &rest.Config{QPS: 1000, Burst: 2000})
	if err != nil {
		return nil, fmt.Errorf("making a cluster admin: %w", err)
	}
	admin := user.Config()
	if err := awaitDefault(ctx, admin); err != nil {
		return nil, fmt.Errorf("waiting for the namespace default: %w", err)
	}
	// With these options a definition goes without its conversion webhook: nobody serves that here.
	if err := env.WebhookInstallOptions.PrepWithoutInstalling(); err != nil {
		return nil, fmt.Errorf("preparing the definitions: %w", err)
	}
	env.CRDInstallOptions.MaxTime, env.CRDInstallOptions.WebhookOptions = patience, env.WebhookInstallOptions
	if _, err := envtest.InstallCRDs(admin, env.CRDInstallOptions); err != nil {
		return nil, fmt.Errorf("installing the definitions: %w", err)
	}
	return admin, nil
}

// place gives etcd and the API server each an address of its own, and patience.
func place(plane *envtest.ControlPlane) error {
	if plane.Etcd == nil {
		plane.Etcd = &envtest.Etcd{}
	}
	plane.Etcd.URL = &url.URL{Scheme: "http", Host: loopback.Address()}
	plane.Etcd.StartTimeout, plane.Etcd.StopTimeout = patience, patience
	server := plane.GetAPIServer()
	server.StartTimeout, server.StopTimeout = patience, patience
	var err error
	server.SecureServing.Address, server.SecureServing.Port, err = net.SplitHostPort(loopback.Address())
	return err
}

// awaitDefault waits for the namespace that most tests use: the API server makes it when it serves already.
func awaitDefault(ctx context.Context, admin *rest.Config) error {
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		return err == nil, nil
	})
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
