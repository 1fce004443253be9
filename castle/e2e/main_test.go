//go:build root

// Package e2e_test brings real nodes up, as root, and lets seed plant the tree in them: "make e2e".
package e2e_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/talos"
)

// TestMain is the castle command in small: called as the node's supervisor, it is one.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == life.NodeCommand {
		if err := life.Node(context.Background(), os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make namespaces, mounts and cgroups: run them as root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// birthTime bounds one birth; it takes well under a minute on two cores.
const birthTime = 6 * time.Minute

// world is a castle that is up, and clients of it.
type world struct {
	*life.Castle
	core    kubernetes.Interface
	dynamic dynamic.Interface
}

// newWorld brings a castle up: the node and what stands beside it, without seed.
func newWorld(t *testing.T, version talos.Version) *world {
	t.Helper()
	return newWorldWith(t, life.Options{Talos: version})
}

// newWorldWith is newWorld with a choice of the castle's user.
func newWorldWith(t *testing.T, o life.Options) *world {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	o.Root, o.Dir, o.Blog, o.Out = "../..", filepath.Join(cache, "seed-castle", "test"), "127.0.0.1:0", t.Output()
	c, err := life.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	if err := c.Prepare(t.Context()); err != nil { // may compile for a long time
		t.Fatal(err)
	}
	before := traces(t)
	t.Cleanup(func() {
		if t.Failed() {
			tell(t, c)
		}
		if err := c.Down(context.Background()); err != nil {
			t.Error(err)
		}
		for _, trace := range traces(t) {
			if !slices.Contains(before, trace) {
				t.Errorf("the castle left behind: %s", trace)
			}
		}
	})
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	config, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	return &world{c, kubernetes.NewForConfigOrDie(config), dynamic.NewForConfigOrDie(config)}
}

// birth pushes the tree and plants it.
func (w *world) birth(t *testing.T, tree string) {
	t.Helper()
	if err := w.Push(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	w.plant(t, tree)
}

// plant renders and applies the inline manifest and waits for seed's Job.
func (w *world) plant(t *testing.T, tree string) {
	t.Helper()
	w.plantUntil(t, tree, w.Follow)
}

// plantUntil renders and applies the inline manifest and follows.
func (w *world) plantUntil(t *testing.T, tree string, follow func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	manifest, err := w.Manifest(ctx, tree)
	if err != nil {
		t.Fatal(err)
	}
	w.applyAndFollow(ctx, t, manifest, follow)
}

// applyAndFollow gives the API server an inline manifest and follows.
func (w *world) applyAndFollow(ctx context.Context, t *testing.T, manifest []byte, follow func(context.Context) error) {
	t.Helper()
	if err := w.Apply(ctx, manifest); err != nil {
		t.Fatal(err)
	}
	if err := follow(ctx); err != nil {
		t.Fatal(err)
	}
}

// traces are what a castle could leave on the host: mounts, interfaces, cgroups, rules, processes.
func traces(t *testing.T) []string {
	t.Helper()
	var found []string
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		found = append(found, "mount "+strings.Fields(line)[4])
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		found = append(found, "interface "+i.Name)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/seed-castle*", "/sys/fs/cgroup/*/seed-castle*", "/sys/fs/cgroup/*/k8s.io", "/sys/fs/cgroup/*/kubepods*"} {
		groups, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, groups...)
	}
	if rules, err := exec.Command("nft", "list", "ruleset").Output(); err == nil {
		found = append(found, strings.Split(strings.TrimSpace(string(rules)), "\n")...)
	}
	return append(found, processes(t)...)
}

// processes are those that run one of the castle's programs, in a PID namespace of their own: other tests run some of them too.
func processes(t *testing.T) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, link := range links {
		program, err := os.Readlink(link)
		namespace, nsErr := os.Readlink(filepath.Join(filepath.Dir(link), "ns/pid"))
		if err == nil && nsErr == nil && namespace != ours && slices.Contains(append(node.Programs(), "source-controller", "kustomize-controller", "seed", "pause"), filepath.Base(program)) {
			found = append(found, "process "+program)
		}
	}
	return found
}

// tell shows what is needed to understand a failure.
func tell(t *testing.T, c *life.Castle) {
	t.Helper()
	kubectl, err := c.Program(context.Background(), "kubectl")
	if err != nil {
		return
	}
	for _, args := range []string{"get pods,jobs -A -o wide", "get kustomizations,gitrepositories,ocirepositories -A", "get events -A --sort-by=.lastTimestamp", "describe pods -n seed-system"} {
		command := exec.Command(kubectl, append([]string{"--kubeconfig", node.Kubeconfig(c.NodeDir()), "--request-timeout=10s"}, strings.Fields(args)...)...)
		out, err := command.CombinedOutput()
		t.Logf("kubectl %s: %v\n%s", args, err, out)
	}
}
