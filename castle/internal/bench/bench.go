// Package bench measures births on fresh nodes: with seed, and with stock Flux applied by hand.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/tazlab/seed/castle/internal/life"
)

// The moments that are measured, in seconds after the first object was given to the API server.
const (
	seedStarts  = "seed's first line"
	credential  = "Git credential in the cluster" //nolint:gosec // the name of a moment
	fluxApplied = "Flux and root sync applied"
	rootReady   = "root Kustomization Ready"
	blogAnswers = "blog answers"
	allReady    = "every Kustomization Ready"
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
			fmt.Fprintf(o.Out, "run %d of %d with %s: root Ready %.1fs, blog %.1fs, everything %.1fs\n",
				n+1, runs, kind.name, sample[rootReady].Seconds(), sample[blogAnswers].Seconds(), sample[allReady].Seconds())
			*kind.samples = append(*kind.samples, sample)
		}
	}
	return write(out, runs, seed, stock)
}

// once lets birth happen in a fresh castle.
func once(ctx context.Context, o life.Options, birth func(context.Context, *life.Castle) (Sample, error)) (sample Sample, err error) {
	o.Out = io.Discard
	err = life.Fresh(ctx, o, func(ctx context.Context, c *life.Castle) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		sample, err = birth(ctx, c)
		return err
	})
	return sample, err
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
