package life

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/talos"
)

// SWITCH: with "seed render talos" the two functions below return what their comments say, and "--vault-ca-file" is "--ca-file".

// rendering is the subcommand that makes the machine-config patch for a Talos version.
func rendering(talos.Version) []string {
	return []string{"render", "manifests"} // []string{"render", "talos", "--talos-version", string(version)}
}

// harmless are arguments of it that make another set, the n-th, and change nothing that seed does.
func harmless(n int) []string {
	// []string{"--registry-mirror", fmt.Sprintf("changed-%d.%s=registry.%[2]s", n, node.Domain)}
	return []string{"--image", fmt.Sprintf("%s-changed-%d", images.Seed(Version).Name, n)}
}

// Manifest makes the machine-config patch of the folder tree with the real seed, as a user would.
func (c *Castle) Manifest(ctx context.Context, tree string, arguments ...string) ([]byte, error) {
	if err := c.load(); err != nil {
		return nil, err
	}
	identity := fmt.Sprintf("clientId=%s\nclientSecret=%s\n", c.beside.ClientID, c.beside.ClientSecret)
	arguments = append(arguments, "--tree", tree, "--cluster", Cluster, "--identity-file", "-", "--vault-ca-file", node.CAFile(c.NodeDir()))
	return c.Render(ctx, identity, arguments...)
}

// Render runs seed render as a user would, with the castle's image, for the castle's Talos version.
func (c *Castle) Render(ctx context.Context, identity string, arguments ...string) ([]byte, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	seed, err := c.Program(ctx, "seed")
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	arguments = append([]string{"--image", images.Seed(Version).Name}, arguments...)
	command := exec.CommandContext(ctx, seed, append(rendering(m.Talos), arguments...)...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader([]byte(identity)), &stdout, &stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("seed %s: %w\n%s", strings.Join(rendering(m.Talos), " "), err, stderr.String())
	}
	return stdout.Bytes(), nil
}
