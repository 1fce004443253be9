package talos

import (
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
)

func check(t *testing.T, text []byte) (messages string, code int) {
	t.Helper()
	path := write(t, "controlplane.yaml", text)
	out, messages, code := seed(t, append([]string{"render", "talos", "--config", path}, flags(t, "tazlab")...)...)
	if code != 0 && out != "" {
		t.Errorf("a patch in spite of the error: %s", out)
	}
	return messages, code
}

// What Talos generates is good for a birth; seed warns only of what the older ones lack: host DNS.
func TestGeneratedConfigs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c contract) {
		messages, code := check(t, c.config(t, machine.TypeControlPlane))
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, messages)
		}
		lacks := !c.Greater(config.TalosVersion1_6)
		if warned := strings.Contains(messages, "hostDNS"); warned != lacks {
			t.Errorf("%q, and the config lacks host DNS: %v", messages, lacks)
		}
		if strings.Contains(messages, "secretbox") || strings.Contains(messages, "KubePrism") {
			t.Errorf("a warning of what is there: %s", messages)
		}
	})
}

// Without KubePrism the Job cannot reach the API server.
func TestConfigWithoutKubePrism(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c contract) {
		text := c.config(t, machine.TypeControlPlane)
		for name, patch := range map[string]string{
			"off":          "machine: {features: {kubePrism: {enabled: false}}}",
			"another port": "machine: {features: {kubePrism: {enabled: true, port: 7446}}}",
		} {
			messages, code := check(t, apply(t, text, patch))
			if code != 1 || !strings.Contains(messages, "kubePrism") {
				t.Errorf("%s: exit code %d: %s", name, code, messages)
			}
		}
	})
}

// Talos applies inline manifests on control planes only.
func TestConfigOfAWorker(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c contract) {
		messages, code := check(t, c.config(t, machine.TypeWorker))
		if code != 1 || !strings.Contains(messages, "worker") {
			t.Errorf("exit code %d: %s", code, messages)
		}
	})
}
