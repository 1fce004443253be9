// Package stock brings Flux into a castle as people do by hand: the files of flux bootstrap, kubectl, and the credentials at hand.
package stock

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
)

// Namespace is that of Flux; its root source, root Kustomization and Git Secret have the same name.
const Namespace = "flux-system"

// Hand is kubectl as the cluster's admin.
type Hand struct{ program, kubeconfig string }

// ByHand finds kubectl, building it if need be.
func ByHand(ctx context.Context, c *life.Castle) (Hand, error) {
	program, err := c.Program(ctx, "kubectl")
	return Hand{program, node.Kubeconfig(c.NodeDir())}, err
}

// Kubectl runs kubectl with stdin. An error has what it said.
func (h Hand) Kubectl(ctx context.Context, stdin string, args ...string) error {
	command := exec.CommandContext(ctx, h.program, append([]string{"--kubeconfig", h.kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// Components applies Flux's manifests and returns when its CRDs are established.
func (h Hand) Components(ctx context.Context, file string) error {
	if err := h.Kubectl(ctx, "", "apply", "--server-side", "-f", file); err != nil {
		return err
	}
	return h.Kubectl(ctx, "", "wait", "--for=condition=Established", "--timeout=60s", "crd", "-l", "app.kubernetes.io/part-of=flux")
}

// Running returns when all of Flux's Deployments are as their manifests say, and no older Pod of theirs is there.
func (h Hand) Running(ctx context.Context) error {
	return h.Kubectl(ctx, "", "rollout", "status", "deployment", "--namespace", Namespace, "-l", "app.kubernetes.io/part-of=flux", "--timeout=3m")
}

// Credentials are the Secrets that the tree's sources need, as YAML.
func Credentials(c *life.Castle) (string, error) {
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

// Identity is the Secret with which External Secrets Operator logs in at the vault, as YAML.
func Identity(c *life.Castle) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: infisical-identity, namespace: flux-system}
stringData: {clientId: %q, clientSecret: %q}
`, c.Services().ClientID, c.Services().ClientSecret)
}
