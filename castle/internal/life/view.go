package life

import (
	"context"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/castle/internal/node"
)

const (
	// lastFrame is how long the view has to show what its end is about: seed's Job may be the faster one to see it.
	lastFrame = 2 * time.Second
	// quiet is how long nothing is said after the view has shown that all stands: seed lets go. If that takes longer, its log
	// says why.
	quiet = 10 * time.Second
)

// showView draws the tree as "seed follow" does, if Out is a terminal, as soon as there is one in the cluster. Then seed's log is
// kept back, until the function that it returns ends the view, or the view fails.
func (c *Castle) showView(ctx context.Context) (finish func(failed bool)) {
	if !c.screen.Live() {
		return func(bool) {}
	}
	viewing, end := context.WithCancel(ctx)
	shown, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		err := c.view(viewing)
		close(shown)
		if err != nil && viewing.Err() == nil {
			fmt.Fprintf(c.screen, "there is no live view of the tree, so seed's log goes on: %v\n", err)
			c.screen.Release(true)
			return
		}
		select {
		case <-viewing.Done():
		case <-time.After(c.quiet):
			c.screen.Release(true)
		}
	}()
	return func(failed bool) {
		if !failed {
			select {
			case <-shown:
			case <-time.After(c.lastFrame):
			}
		}
		end()
		<-over
	}
}

// view lets seed draw until all stands, or until ctx ends. An error says why it cannot.
func (c *Castle) view(ctx context.Context) error {
	seed := c.programs["seed"]
	if seed == "" { // this process has not brought the castle up
		var err error
		if seed, err = c.Program(ctx, "seed"); err != nil {
			return err
		}
	}
	if err := c.awaitRoot(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	fmt.Fprintln(c.screen, "Flux has the tree. How it comes up, as seed follow shows it, counted from here:")
	return c.screen.Lend(ctx, seed, []string{"follow", "--read-only", "--root", fluxSystem + "/" + fluxSystem},
		append(os.Environ(), "KUBECONFIG="+node.Kubeconfig(c.NodeDir())))
}

// awaitRoot returns when the root is in the cluster, or ctx has ended. Before seed has planted Flux not even its kind is there.
func (c *Castle) awaitRoot(ctx context.Context) error {
	roots, err := c.units()
	if err != nil {
		return err
	}
	_ = wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := roots.Get(ctx, fluxSystem, metav1.GetOptions{})
		return err == nil, nil
	})
	return nil
}
