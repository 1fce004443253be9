// Package talos does with inline manifests what Talos Linux does: at boot, by the semantics of either of its generations, and
// with "talosctl upgrade-k8s".
//
// It follows internal/app/machined/pkg/controllers/k8s/manifest_apply.go and pkg/cluster/kubernetes/talos_managed.go of
// https://github.com/siderolabs/talos (v1.12.11 and v1.13.9), and https://github.com/siderolabs/go-kubernetes (v0.2.38).
package talos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// Version is a Talos release, as far as inline manifests are concerned.
type Version string

const (
	// CreateMissing is Talos up to 1.12: what is missing is created, at every boot again.
	CreateMissing Version = "1.12"
	// Inventory is Talos 1.13: what the inventory lists is never touched again at boot, deleted or not.
	Inventory Version = "1.13"
	// Documents is Talos 1.14: as 1.13, and each inline manifest is a document of its own in the machine config.
	Documents Version = "1.14"
)

// Versions are all that can be imitated.
var Versions = []Version{CreateMissing, Inventory, Documents}

// fieldManager is who Talos says it is.
const fieldManager = "talos"

// Applier is one control plane's ManifestApplyController, and talosctl.
type Applier struct {
	// OnError, when set, is told about each pass that was not complete.
	OnError func(error)
	// Turns, when set, is held during a pass. It stands for Talos' mutex in etcd, with which control planes take turns.
	Turns sync.Locker
	// BuiltIn are Talos' own manifests. Their names are the whole IDs, for example 11-core-dns.
	BuiltIn []Manifest

	config  *rest.Config
	core    kubernetes.Interface
	client  dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	version Version
}

// New makes an Applier that talks to the API server of config.
func New(config *rest.Config, version Version) (*Applier, error) {
	if !slices.Contains(Versions, version) {
		return nil, fmt.Errorf("the Talos versions to choose from are %q, not %q", Versions, version)
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a discovery client: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	return &Applier{config: config, core: core, client: client, mapper: mapper, version: version}, nil
}

// Apply does what a control plane does with its inline manifests at boot and when its machine config changes. It repeats the pass
// until one goes through without an error, or ctx ends. Manifests that cannot be read are an error at once: Talos would try them
// for ever.
func (a *Applier) Apply(ctx context.Context, manifests []Manifest) error {
	objects, err := a.objects(manifests)
	if err != nil {
		return err
	}
	byRank(objects)
	backoff := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 1.5, Jitter: 0.1, Steps: 100, Cap: 5 * time.Second}
	for {
		err := a.pass(ctx, objects)
		if err == nil {
			return nil
		}
		if a.OnError != nil {
			a.OnError(err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(backoff.Step()):
		}
	}
}
