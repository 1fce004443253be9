package life

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tazlab/seed/castle/internal/artifacts"
	"github.com/tazlab/seed/castle/internal/beside"
	"github.com/tazlab/seed/castle/internal/hostdeps"
	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/pki"
)

// NodeCommand is the hidden subcommand with which the castle's own binary is the node's supervisor.
const NodeCommand = "node"

// coreDNS is the tag of the cluster's DNS server; the program is built from that version (parts/coredns).
const coreDNS = "v1.14.7"

// Prepare installs and builds what is missing. The first time takes many minutes, later ones seconds.
func (c *Castle) Prepare(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("the castle makes namespaces, mounts and cgroups: run it as root")
	}
	if err := hostdeps.Ensure(ctx, c.Out); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { // takes a second or more
		c.serviceAccountKey, err = pki.ServiceAccountKey()
		return err
	})
	group.Go(func() error { return c.build(ctx) })
	return group.Wait()
}

// build makes the programs, and of them what the services beside the node serve.
func (c *Castle) build(ctx context.Context) (err error) {
	if c.programs, err = c.Programs(ctx); err != nil {
		return err
	}
	c.beside = beside.NewConfig(c.besideDir())
	c.beside.Images = c.images()
	c.beside.Artifacts, err = c.artifacts(ctx)
	return err
}

// images are those of the table, each with its program.
func (c *Castle) images() []beside.Image {
	var all []beside.Image
	for program, spec := range map[string]images.Spec{
		"pause":                   images.Pause,
		"coredns":                 images.CoreDNS(coreDNS),
		"source-controller":       images.SourceController,
		"kustomize-controller":    images.KustomizeController,
		"helm-controller":         images.HelmController,
		"notification-controller": images.NotificationController,
		"external-secrets":        images.ExternalSecrets,
		"seed":                    images.Seed(Version),
		"waitfor":                 images.Waitfor(Version),
		"database-stand-in":       images.DatabaseStandIn(Version),
	} {
		all = append(all, beside.Image{Spec: spec, Binary: c.programs[program], Cache: c.imageCache()})
	}
	return append(all, beside.Image{Spec: images.Busybox, Binary: hostdeps.Busybox, Cache: c.imageCache()})
}

func (c *Castle) imageCache() string { return filepath.Join(c.Cache, "images") }

// artifacts are the OCI artifacts that the tree refers to.
func (c *Castle) artifacts(ctx context.Context) ([]beside.Artifact, error) {
	var all []beside.Artifact
	for _, known := range artifactTable {
		packed, err := known.pack(ctx, filepath.Join(c.Cache, "artifacts"))
		if err != nil {
			return nil, err
		}
		all = append(all, beside.Artifact{Artifact: packed, Repository: known.repository})
	}
	return all, nil
}

var artifactTable = []struct {
	name, repository string
	pack             func(context.Context, string) (artifacts.Artifact, error)
}{
	{"flux", "fluxcd/flux-manifests:v2.9.5", artifacts.FluxManifests},
	{"external-secrets-crds", "external-secrets/crds:v0.20.4", artifacts.ESOCRDs},
	{"external-secrets-chart", "external-secrets/charts/external-secrets:0.20.3", artifacts.ESOChart},
}

// Artifact returns the folder with the content of one OCI artifact, packing it if need be.
func (c *Castle) Artifact(ctx context.Context, name string) (string, error) {
	for _, known := range artifactTable {
		if known.name == name {
			packed, err := known.pack(ctx, filepath.Join(c.Cache, "artifacts"))
			return packed.Dir, err
		}
	}
	return "", fmt.Errorf("there is no artifact %s", name)
}

// Start brings the machine up: the node and what stands beside it. It returns when the node is Ready, without a network when its
// API server answers, or with what failed; then nothing of it runs.
func (c *Castle) Start(ctx context.Context) error {
	if report, err := node.Status(c.NodeDir()); err == nil && report.Running {
		return fmt.Errorf("a castle runs already (process %d): end it with make down", report.PID)
	}
	if err := c.Down(ctx); err != nil { // what an earlier one left
		return err
	}
	if err := c.register(ctx); err != nil {
		return err
	}
	if err := errors.Join(c.beside.Save(), c.saveMachine(machine{Talos: c.Talos})); err != nil {
		return err
	}
	self := append([]string{NodeCommand}, "--dir", c.Dir)
	config := node.Config{
		Dir: c.NodeDir(), Command: self, Binaries: c.programs,
		Doors: []node.Door{{Name: "blog", HostAddr: c.Blog, NodeAddr: node.NodeIP + ":30080"}},
		Taint: c.Taint, NoCNI: c.network.held(), ServiceAccountKey: c.serviceAccountKey, Audit: c.Audit,
		OnEvent: c.show,
	}
	if config.NoCNI {
		config.Goal = node.APIReady
	}
	if c.Preload {
		for _, image := range c.beside.Images {
			config.Preload = append(config.Preload, image.Spec.Name)
		}
	}
	var err error
	c.node, err = node.Start(ctx, config)
	return err
}

// show tells what happens to the node.
func (c *Castle) show(e node.Event) {
	fmt.Fprintf(c.screen, "%6.1fs  %-10s  %s %s\n", e.Elapsed.Seconds(), e.Name, e.Component, e.Message)
}

// guarded returns a context that ends, with the reason, when a component of the node dies.
func (c *Castle) guarded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	if c.node != nil {
		go func() {
			if err := c.node.Wait(ctx); ctx.Err() == nil {
				end(c.failure(err))
			}
		}()
	}
	return ctx, func() { end(nil) }
}

// failure says which component took the node down, with its last lines.
func (c *Castle) failure(err error) error {
	report, statusErr := node.Status(c.NodeDir())
	if statusErr != nil || report.Failure == nil {
		return fmt.Errorf("the node ended: %w", errors.Join(err, statusErr))
	}
	return fmt.Errorf("the node ended: %s\n%s", report.Failure.Message, strings.Join(report.Failure.Log, "\n"))
}

// Node is the supervisor's life, inside its namespaces.
func Node(ctx context.Context, dir string) error {
	nodeDir := filepath.Join(dir, "node")
	config, err := node.ReadConfig(nodeDir)
	if err != nil {
		return err
	}
	if !node.Inside() { // Run makes the namespaces and executes this program again in them
		return node.Run(ctx, config)
	}
	stored, err := beside.Load(filepath.Join(dir, "beside"))
	if err != nil {
		return err
	}
	services, err := stored.Services(ctx, nodeDir)
	if err != nil {
		return err
	}
	return node.Run(ctx, config, services...)
}
