// Package cluster makes seed's client of the API server and tells people there what happens.
package cluster

import (
	"fmt"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
)

// FluxManager is the field manager of kustomize-controller. seed writes what Flux will own in its name: a
// manager of seed's own would keep co-owning fields that are later removed from Git.
const FluxManager = "kustomize-controller"

// Client reads, writes and watches objects.
type Client = client.WithWatch

// Config is the access to the API server: in a Pod with its service account, elsewhere with the user's kubeconfig.
func Config() (*rest.Config, error) {
	c, err := config.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the API server: %w", err)
	}
	return c, nil
}

// ForConfig makes a client from c. The API server's own fairness is the only rate limit.
func ForConfig(c *rest.Config) (Client, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, authorizationv1.AddToScheme, discoveryv1.AddToScheme,
		kustomizev1.AddToScheme, helmv2.AddToScheme, sourcev1.AddToScheme, esv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c = rest.CopyConfig(c)
	c.QPS = -1
	live, err := client.NewWithWatch(c, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making a client of %s: %w", c.Host, err)
	}
	return live, nil
}
