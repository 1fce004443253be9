//go:build apiserver

// Package api_test tests what seed does to a real kube-apiserver. "make api" brings the programs:
// KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver, FLUX_MANIFESTS one with Flux' manifests.
package api_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/internal/cluster"
)

// admin is the access of a cluster admin to the API server of this run.
var admin *rest.Config

// binary is where built puts seed.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" || os.Getenv("FLUX_MANIFESTS") == "" {
		fmt.Fprintln(os.Stderr, "these tests need a kube-apiserver and Flux' manifests: run them with \"make api\"")
		return 1
	}
	env := &envtest.Environment{}
	var err error
	if admin, err = env.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "seed-binary-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a folder for seed's binary:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "seed")
	code := m.Run()
	if err := env.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		return 1
	}
	return code
}

func newClient(t *testing.T, config *rest.Config) cluster.Client {
	t.Helper()
	live, err := cluster.ForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// fluxObjects are Flux' own manifests, as its artifact holds them.
func fluxObjects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(os.Getenv("FLUX_MANIFESTS"), "gotk-components.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := ssautil.ReadObjects(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// kustomization is a Flux Kustomization that the API server accepts.
func kustomization(name string) *kustomizev1.Kustomization {
	return &kustomizev1.Kustomization{
		TypeMeta:   metav1.TypeMeta{APIVersion: kustomizev1.GroupVersion.String(), Kind: kustomizev1.KustomizationKind},
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: name},
		Spec: kustomizev1.KustomizationSpec{
			Path: "./", SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "flux-system"},
			Interval: metav1.Duration{Duration: 600e9},
		},
	}
}
