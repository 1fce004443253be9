//go:build apiserver

// Package follow_test tests what the chart seed-follow lets its ServiceAccount do at a real kube-apiserver. "make api" brings
// what it needs: KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver, FLUX_MANIFESTS and ESO_DEFINITIONS folders with
// the definitions of Flux and of External Secrets Operator, FOLLOW_CHART the rendered chart.
package follow_test

import (
	"os"
	"path/filepath"
	"testing"

	ssautil "github.com/fluxcd/pkg/ssa/utils"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/test/apiserver"
)

// Where the chart was rendered into, and what for; see the Makefile.
const (
	fluxNamespace = "flux-system"
	namespace     = "policy"
	account       = "system:serviceaccount:flux-system:seed-follow"
)

// admin is the access of a cluster admin to the API server of this run.
var admin *rest.Config

// binary is where build puts seed.
var binary string

// installed is whether the chart is.
var installed bool

func TestMain(m *testing.M) {
	os.Exit(apiserver.Suite{
		Needs: []string{"FLUX_MANIFESTS", "ESO_DEFINITIONS", "FOLLOW_CHART"}, Definitions: []string{os.Getenv("FLUX_MANIFESTS"), os.Getenv("ESO_DEFINITIONS")},
		Begin: func(config *rest.Config, folder string) error {
			admin, binary = config, filepath.Join(folder, "seed")
			return nil
		},
	}.Run(m))
}

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	config = rest.CopyConfig(config)
	config.QPS = -1
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// follower is the access of the chart's ServiceAccount.
func follower() *rest.Config {
	config := rest.CopyConfig(admin)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: account, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + fluxNamespace, "system:authenticated"},
	}
	return config
}

// install applies the rendered chart, once.
func install(t *testing.T, live client.Client) {
	t.Helper()
	if installed {
		return
	}
	installed = true
	for _, name := range []string{fluxNamespace, namespace} {
		if err := live.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	for _, object := range parse(t, os.Getenv("FOLLOW_CHART")) {
		if err := live.Create(t.Context(), object); err != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

func parse(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	objects, err := ssautil.ReadObjects(f)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}
