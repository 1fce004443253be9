// Package life brings the whole castle up, plants the tree in it with seed, and takes it away again.
package life

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tazlab/seed/castle/internal/beside"
	"github.com/tazlab/seed/castle/internal/build"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/pki"
	"github.com/tazlab/seed/castle/internal/screen"
	"github.com/tazlab/seed/castle/internal/talos"
)

// Cluster is the folder of the tree that the castle becomes.
const Cluster = "clusters/castle"

// Version is the tag of seed's and waitfor's images in the castle; the tree has it in cluster-vars.yaml.
const Version = "castle"

// Options are what a user of the castle chooses.
type Options struct {
	// Root is the root folder of the checkout.
	Root string
	// Dir holds this castle's state; the default is the folder run in Cache.
	Dir string
	// Blog is the host's address that leads to the blog.
	Blog string
	// Talos is the version to imitate when the castle is brought up; the default is talos.Inventory.
	Talos talos.Version
	// Database is after how long the database's Secrets come, for example 30s, or Never; empty is what the tree says.
	Database string
	// CNI is how the node gets its network: CNINow, which is the default, CNITree, or CNILate and a time.
	CNI string
	// Taint keeps the control-plane taint on the node, which is the only one: only what tolerates it runs.
	Taint bool
	// Preload puts the images on the node before its kubelet starts, like Talos' image cache.
	Preload bool
	// Audit is as node.Config.Audit.
	Audit []string
	// Out gets the progress. Where it is a terminal, the tree is drawn on it while it comes up.
	Out io.Writer
}

// Castle is a castle that is being brought up or runs.
type Castle struct {
	Options
	// Cache keeps what was built: the folder seed-castle in the user's cache.
	Cache    string
	screen   *screen.Screen // what is said of a castle that is up goes through it to Out
	programs map[string]string
	beside   beside.Config
	network  network
	node     *node.Handle // set in the process that started it
	// serviceAccountKey signs the cluster's tokens. It is made before the cluster: the vault knows it.
	serviceAccountKey pki.Pair
	// lastFrame and quiet are the pauses of showView.
	lastFrame, quiet time.Duration
}

// New fills in defaults. It touches nothing.
func New(o Options) (*Castle, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find the user's cache folder: %w", err)
	}
	cache = filepath.Join(cache, "seed-castle")
	if o.Dir == "" {
		o.Dir = filepath.Join(cache, "run")
	}
	if o.Blog == "" {
		o.Blog = "127.0.0.1:8080"
	}
	if o.Talos == "" {
		o.Talos = talos.Inventory
	}
	if !slices.Contains(talos.Versions, o.Talos) {
		return nil, fmt.Errorf("--talos %s: there are %q", o.Talos, talos.Versions)
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if err := checkDatabase(o.Database); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(o.Root, "castle", "go.mod")); err != nil {
		return nil, fmt.Errorf("%s is not a checkout of this repository: run castle from its root folder, or name it with --root: %w", o.Root, err)
	}
	network, err := parseCNI(o.CNI)
	if err != nil {
		return nil, err
	}
	return &Castle{Options: o, Cache: cache, screen: screen.New(o.Out), network: network, lastFrame: lastFrame, quiet: quiet}, nil
}

// NodeDir is the folder of the node, for package node.
func (c *Castle) NodeDir() string { return filepath.Join(c.Dir, "node") }

// Program returns the path of one of the castle's programs, building it if need be.
func (c *Castle) Program(ctx context.Context, name string) (string, error) {
	paths, err := c.Programs(ctx, name)
	return paths[name], err
}

// Programs returns the paths of programs by name, all if none is named, building what is missing.
func (c *Castle) Programs(ctx context.Context, names ...string) (map[string]string, error) {
	return build.All(ctx, build.Options{Root: c.Root, Cache: c.Cache, Progress: c.Out}, names...)
}

// Config is the admin's access to the API server, from the host.
func (c *Castle) Config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", node.Kubeconfig(c.NodeDir()))
	if err != nil {
		return nil, fmt.Errorf("find the castle's API server: %w", err)
	}
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{} // Pod Security warns of seed's host network, which it must have
	return config, nil
}

// client is the admin's, for the API server.
func (c *Castle) client() (*kubernetes.Clientset, error) {
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

// Services is the configuration of what stands beside the node.
func (c *Castle) Services() beside.Config { return c.beside }

// Down takes the castle away. It may be called at any time.
func (c *Castle) Down(ctx context.Context) error {
	if err := node.Stop(ctx, c.NodeDir()); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(c.besideDir()), os.RemoveAll(c.machineFile())); err != nil {
		return fmt.Errorf("remove what stood beside the node: %w", err)
	}
	_ = os.Remove(c.Dir) // unless it holds something of someone else's
	return nil
}

func (c *Castle) besideDir() string { return filepath.Join(c.Dir, "beside") }
