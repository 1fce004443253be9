//go:build apiserver

// Package api_test tests what seed does to a real kube-apiserver. "make api" brings the programs:
// KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver, FLUX_MANIFESTS one with Flux' manifests.
package api_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/test/apiserver"
)

// admin is the access of a cluster admin to the API server of this run.
var admin *rest.Config

// binary is where built puts seed.
var binary string

func TestMain(m *testing.M) {
	os.Exit(apiserver.Suite{Needs: []string{"FLUX_MANIFESTS"}, Begin: func(config *rest.Config, folder string) error {
		admin, binary = config, filepath.Join(folder, "seed")
		return nil
	}}.Run(m))
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
