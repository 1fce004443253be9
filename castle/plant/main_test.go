//go:build apiserver

// Package plant_test plants with the real seed against a real kube-apiserver, a vault and a Git server that fail in
// every way they can. "make faults" brings the programs: SEED is seed's binary, KUBEBUILDER_ASSETS a folder with etcd
// and kube-apiserver, FLUX_MANIFESTS one with Flux's manifests.
package plant_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/castle/internal/pki"
)

// patience bounds one test. Most need a few seconds; with a vault that hangs it is seed's own limits that count.
const patience = 2 * time.Minute

// ample bounds each start and stop of etcd and of the API server: a machine at work may need more than the 20 s that envtest gives
// them, after which it begins anew at ports that its first try may still hold.
const ample = 3 * time.Minute

// What all tests share: the API server, the authority that signs for vault and Git server, one that nobody knows, and
// Flux's CRDs.
var (
	core         kubernetes.Interface
	objects      dynamic.Interface
	kubeconfig   string
	ca, stranger *pki.CA
	fluxCRDs     string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	for _, variable := range []string{"SEED", "KUBEBUILDER_ASSETS", "FLUX_MANIFESTS"} {
		if os.Getenv(variable) == "" {
			return 1, fmt.Errorf("%s is not set: run these tests with \"make faults\"", variable)
		}
	}
	if err := readCRDs(); err != nil {
		return 1, err
	}
	if ca, err = pki.NewCA("castle"); err != nil {
		return 1, err
	}
	if stranger, err = pki.NewCA("stranger"); err != nil {
		return 1, err
	}
	folder, err := os.MkdirTemp("", "plant-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	server := &envtest.Environment{ControlPlaneStartTimeout: ample, ControlPlaneStopTimeout: ample}
	if err := signTokens(server.ControlPlane.GetAPIServer(), folder); err != nil {
		return 1, err
	}
	config, err := server.Start()
	if err != nil {
		return 1, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	core, objects = kubernetes.NewForConfigOrDie(config), dynamic.NewForConfigOrDie(config)
	kubeconfig = filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(kubeconfig, server.KubeConfig, 0o600); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// readCRDs takes from Flux's manifests the two CRDs that the root sync needs; all of them would cost each test seconds.
func readCRDs() error {
	data, err := os.ReadFile(filepath.Join(os.Getenv("FLUX_MANIFESTS"), "gotk-components.yaml"))
	if err != nil {
		return err
	}
	var found []string
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		for _, name := range []string{"gitrepositories.source.toolkit.fluxcd.io", "kustomizations.kustomize.toolkit.fluxcd.io"} {
			if strings.Contains(document, "\nkind: CustomResourceDefinition\n") && strings.Contains(document, "\n  name: "+name+"\n") {
				found = append(found, document)
			}
		}
	}
	if len(found) != 2 {
		return fmt.Errorf("looking for Flux's CRDs: found %d of 2", len(found))
	}
	fluxCRDs = strings.Join(found, "\n---\n")
	return nil
}
