package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/tazlab/seed/castle/internal/life"
)

// look is how often a moment is looked for, and so the resolution of the figures.
const look = 50 * time.Millisecond

var kustomizations = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}

// observe looks from outside, the same way for both kinds of birth, until the blog answers and every unit is Ready. The
// function it returns waits for that.
func observe(ctx context.Context, c *life.Castle, start time.Time) func() (Sample, error) {
	sample := Sample{}
	done := make(chan error, 1)
	go func() {
		config, err := c.Config()
		if err != nil {
			done <- err
			return
		}
		client, err := dynamic.NewForConfig(config)
		if err != nil {
			done <- err
			return
		}
		checks := map[string]func() bool{
			rootReady:   func() bool { return root(ctx, client) },
			blogAnswers: func() bool { return answers(ctx, c) },
			allReady:    func() bool { return all(ctx, client) },
		}
		tick := time.NewTicker(look)
		defer tick.Stop()
		for len(checks) > 0 {
			for moment, check := range checks {
				if check() {
					sample[moment] = time.Since(start)
					delete(checks, moment)
				}
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				done <- errors.Join(ctx.Err(), fmt.Errorf("still waiting for: %s", strings.Join(slices.Sorted(maps.Keys(checks)), ", ")))
				return
			}
		}
		done <- nil
	}()
	return func() (Sample, error) { return sample, <-done }
}

// answers asks the blog, without waiting long: the next look comes soon.
func answers(ctx context.Context, c *life.Castle) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*look)
	defer cancel()
	return c.AskBlog(ctx) == nil
}

// root tells whether the root Kustomization is Ready; while its kind is unknown, it is not.
func root(ctx context.Context, client dynamic.Interface) bool {
	unit, err := client.Resource(kustomizations).Namespace("flux-system").Get(ctx, "flux-system", metav1.GetOptions{})
	return err == nil && life.Ready(unit)
}

// all tells whether the root is Ready, and so has made the units, and these are too.
func all(ctx context.Context, client dynamic.Interface) bool {
	if !root(ctx, client) {
		return false
	}
	units, err := client.Resource(kustomizations).Namespace(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	return err == nil && !slices.ContainsFunc(units.Items, func(unit unstructured.Unstructured) bool { return !life.Ready(&unit) })
}
