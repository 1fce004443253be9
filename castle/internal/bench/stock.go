package bench

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"time"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
)

// withStockFlux does what people do by hand, with kubectl and the credential at hand: Flux' manifests, the
// Secrets, the sync objects.
func withStockFlux(ctx context.Context, c *life.Castle) (Sample, error) {
	dir, err := os.MkdirTemp("", "castle-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	components, sync, err := classicTree(ctx, c, dir)
	if err != nil {
		return nil, err
	}
	if err := c.Push(ctx, dir); err != nil {
		return nil, err
	}
	kubectl, err := c.Program(ctx, "kubectl")
	if err != nil {
		return nil, err
	}
	given, err := secrets(c)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	watching := observe(ctx, c, start)
	sample := Sample{}
	for _, step := range []struct {
		moment, stdin string
		args          []string
	}{
		{"", "", []string{"apply", "--server-side", "-f", components}},
		{"", "", []string{"wait", "--for=condition=Established", "--timeout=60s", "crd", "-l", "app.kubernetes.io/part-of=flux"}},
		{credential, given, []string{"apply", "-f", "-"}},
		{fluxApplied, "", []string{"apply", "-f", sync}},
	} {
		command := exec.CommandContext(ctx, kubectl, append([]string{"--kubeconfig", node.Kubeconfig(c.NodeDir())}, step.args...)...)
		command.Stdin = bytes.NewReader([]byte(step.stdin))
		if out, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("kubectl %s: %w\n%s", step.args[0], err, out)
		}
		if step.moment != "" {
			sample[step.moment] = time.Since(start)
		}
	}
	seen, err := watching()
	maps.Copy(sample, seen)
	return sample, err
}

// secrets are the two that the tree's sources need, as YAML.
func secrets(c *life.Castle) (string, error) {
	ca, err := os.ReadFile(node.CAFile(c.NodeDir()))
	if err != nil {
		return "", fmt.Errorf("read the castle's CA: %w", err)
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: flux-system, namespace: flux-system}
stringData: {username: git, password: %q, ca.crt: %q}
---
apiVersion: v1
kind: Secret
metadata: {name: registry-ca, namespace: flux-system}
stringData: {ca.crt: %q}
`, c.Services().GitToken, ca, ca), nil
}
