package life

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/node"
)

// Manifest makes the machine-config patch of the folder tree with the real seed, as a user would. It holds no secret.
func (c *Castle) Manifest(ctx context.Context, tree string, arguments ...string) ([]byte, error) {
	return c.renderTree(ctx, tree, "", arguments...)
}

// ManifestWithIdentity is Manifest for a tree whose store knows Universal Auth alone: the patch carries the identity.
func (c *Castle) ManifestWithIdentity(ctx context.Context, tree string, arguments ...string) ([]byte, error) {
	if err := c.load(); err != nil {
		return nil, err
	}
	identity := fmt.Sprintf("clientId=%s\nclientSecret=%s\n", c.beside.ClientID, c.beside.ClientSecret)
	return c.renderTree(ctx, tree, identity, append(arguments, "--identity-file", "-")...)
}

func (c *Castle) renderTree(ctx context.Context, tree, identity string, arguments ...string) ([]byte, error) {
	return c.Render(ctx, identity, append(arguments, "--tree", tree, "--cluster", Cluster, "--ca-file", node.CAFile(c.NodeDir()))...)
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
	what := []string{"render", "talos", "--talos-version", string(m.Talos)}
	command := exec.CommandContext(ctx, seed, append(append(what, "--image", images.Seed(Version).Name), arguments...)...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader([]byte(identity)), &stdout, &stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("seed %s: %w\n%s", strings.Join(what, " "), err, stderr.String())
	}
	return stdout.Bytes(), nil
}
