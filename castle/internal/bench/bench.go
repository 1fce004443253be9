// Package bench measures births on fresh nodes: with seed, and with stock Flux applied by hand.
package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/tazlab/seed/castle/internal/life"
)

// The moments that are measured, in seconds after the first object was given to the API server.
const (
	seedStarts  = "seed's first line"
	credential  = "Git credential in the cluster" //nolint:gosec // the name of a moment
	fluxApplied = "Flux and root sync applied"
	rootReady   = "root Kustomization Ready"
	blogAnswers = "blog answers"
)

// What is derived from the moments of one birth.
const (
	ownPath   = "seed's own path: first line to Flux and root sync applied"
	rootAfter = "root Ready after that"
	blogAfter = "blog answers after that"
)

// Sample holds the moments of one birth.
type Sample map[string]time.Duration

// peakMemory is seed's, in a Sample as so many seconds as it has megabytes.
const peakMemory = "seed's peak memory in MB"

// Run does runs births of each kind, in turn, on a fresh node with the images on it, and writes the table.
func Run(ctx context.Context, o life.Options, runs int, out io.Writer) error {
	o.Preload, o.Blog = true, "127.0.0.1:0"
	var seed, stock []Sample
	for n := range runs {
		for _, kind := range []struct {
			name    string
			birth   func(context.Context, *life.Castle) (Sample, error)
			samples *[]Sample
		}{{"seed", withSeed, &seed}, {"stock Flux", withStockFlux, &stock}} {
			sample, err := once(ctx, o, kind.birth)
			if err != nil {
				return fmt.Errorf("run %d with %s: %w", n+1, kind.name, err)
			}
			sample[rootAfter], sample[blogAfter] = sample[rootReady]-sample[fluxApplied], sample[blogAnswers]-sample[fluxApplied]
			fmt.Fprintf(o.Out, "run %d of %d with %s: root Ready %.1fs, blog %.1fs\n", n+1, runs, kind.name, sample[rootReady].Seconds(), sample[blogAnswers].Seconds())
			*kind.samples = append(*kind.samples, sample)
		}
	}
	return write(out, runs, seed, stock)
}

// once brings a fresh castle up, lets birth happen in it, and takes it away.
func once(ctx context.Context, o life.Options, birth func(context.Context, *life.Castle) (Sample, error)) (sample Sample, err error) {
	quiet := o
	quiet.Out = io.Discard
	c, err := life.New(quiet)
	if err != nil {
		return nil, err
	}
	if err := c.Prepare(ctx); err != nil {
		return nil, err
	}
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if downErr := c.Down(context.WithoutCancel(ctx)); err == nil {
			err = downErr
		}
	}()
	// The cluster's DNS comes from the platform, for both kinds alike.
	if err := c.Apply(ctx, nil); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	return birth(ctx, c)
}

// withSeed gives Talos the inline manifest.
func withSeed(ctx context.Context, c *life.Castle) (Sample, error) {
	if err := c.Push(ctx, c.Root); err != nil {
		return nil, err
	}
	manifest, err := c.Manifest(ctx, c.Root)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	watching := observe(ctx, c, start)
	if err := c.Apply(ctx, manifest); err != nil {
		return nil, err
	}
	sample, err := watching()
	if err != nil {
		return nil, err
	}
	if err := c.Follow(ctx); err != nil {
		return nil, err
	}
	return sample, addReport(ctx, c, start, sample)
}

// addReport takes the moments that only seed knows from its report.
func addReport(ctx context.Context, c *life.Castle, start time.Time, sample Sample) error {
	config, err := c.Config()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	object, err := client.CoreV1().ConfigMaps(life.SeedNamespace).Get(ctx, life.SeedReport, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read seed's report: %w", err)
	}
	var report struct {
		Seed       time.Time
		PeakMemory float64
		Steps      []struct {
			Name  string
			Start time.Time
			Took  time.Duration
		}
	}
	if err := json.Unmarshal([]byte(object.Data["report.json"]), &report); err != nil {
		return fmt.Errorf("read seed's report: %w", err)
	}
	sample[seedStarts] = report.Seed.Sub(start)
	sample[peakMemory] = time.Duration(report.PeakMemory / 1e6 * float64(time.Second))
	for _, step := range report.Steps {
		switch step.Name {
		case "claim Secret flux-system/flux-system":
			sample[credential] = step.Start.Add(step.Took).Sub(start)
		case "apply the root sync":
			sample[fluxApplied] = step.Start.Add(step.Took).Sub(start)
		}
	}
	sample[ownPath] = sample[fluxApplied] - sample[seedStarts]
	return nil
}

// classicTree writes the tree in the layout of "flux bootstrap" into dir and returns the files with Flux' manifests and with
// the sync objects as the castle's cluster has them.
func classicTree(ctx context.Context, c *life.Castle, dir string) (components, sync string, err error) {
	if err := c.CopyTree(dir); err != nil {
		return "", "", err
	}
	packed, err := c.Artifact(ctx, "flux")
	if err != nil {
		return "", "", err
	}
	folder := filepath.Join(dir, "clusters/base")
	data, err := os.ReadFile(filepath.Join(packed, "gotk-components.yaml"))
	if err != nil {
		return "", "", err
	}
	index := filepath.Join(folder, "kustomization.yaml")
	kustomization, err := os.ReadFile(index)
	if err != nil {
		return "", "", err
	}
	kustomization = bytes.Replace(kustomization, []byte("- flux.yaml"), []byte("- gotk-components.yaml"), 1)
	components, sync = filepath.Join(folder, "gotk-components.yaml"), filepath.Join(dir, "sync.yaml")
	if err := errors.Join(os.WriteFile(components, data, 0o600), os.WriteFile(index, kustomization, 0o600)); err != nil {
		return "", "", err
	}
	return components, sync, writeSync(dir, sync)
}

// writeSync writes the root source and the root Kustomization of the castle's cluster into file.
func writeSync(dir, file string) error {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, life.Cluster))
	if err != nil {
		return fmt.Errorf("build %s: %w", life.Cluster, err)
	}
	var all []byte
	for _, resource := range built.Resources() {
		if kind := resource.GetKind(); resource.GetName() != "flux-system" || (kind != "GitRepository" && kind != "Kustomization") {
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			return err
		}
		all = append(append(all, text...), "---\n"...)
	}
	return os.WriteFile(file, all, 0o600)
}
