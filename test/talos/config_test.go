package talos

import (
	"strings"
	"testing"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
)

// check has seed look into a machine config of the contract, to be run by that Talos or by a newer one.
func check(t *testing.T, text []byte, version string) (messages string, code int) {
	t.Helper()
	path := write(t, "controlplane.yaml", text)
	out, messages, code := seed(t, append([]string{"render", "talos", "--talos-version", version, "--config", path}, flags(t, "tazlab")...)...)
	if (code == 0) == (out == "") {
		t.Errorf("exit code %d, and the patch %q", code, out)
	}
	return messages, code
}

// What Talos generates is good for a birth. Of what an older one did not know yet, host DNS, seed warns where a newer one
// will run the config.
func TestGeneratedConfigs(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := c.config(t, machine.TypeControlPlane)
			if messages, code := check(t, text, c.name); code != 0 || messages != "" {
				t.Errorf("exit code %d: %s", code, messages)
			}
			messages, code := check(t, text, "1.13")
			lacks := !c.Greater(config.TalosVersion1_7)
			if code != 0 || strings.Contains(messages, "hostDNS") != lacks || strings.Contains(messages, "etcd") {
				t.Errorf("for 1.13: exit code %d: %q, and the config lacks host DNS: %v", code, messages, lacks)
			}
		})
	}
}

func TestConfigsThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, c := range []contract{contracts[0], contracts[len(contracts)-1]} {
		plain := c.config(t, machine.TypeControlPlane)
		for name, test := range map[string]struct {
			config []byte
			want   string
		}{
			// Without it the Job cannot reach the API server.
			"KubePrism is off":          {apply(t, plain, "machine: {features: {kubePrism: {enabled: false}}}"), "kubePrism"},
			"KubePrism at another port": {apply(t, plain, "machine: {features: {kubePrism: {enabled: true, port: 7446}}}"), "7446"},
			// Talos applies inline manifests on control planes only.
			"a worker's": {c.config(t, machine.TypeWorker), "worker"},
			// The patch would be the second of its name.
			"with a manifest": {apply(t, plain, render(t, "tazlab", c.name)), "$patch: delete"},
		} {
			if messages, code := check(t, test.config, c.name); code != 1 || !strings.Contains(messages, test.want) {
				t.Errorf("%s, %s: exit code %d: %s", c.name, name, code, messages)
			}
		}
	}
}

// Secrets in etcd in the clear are no obstacle, but nobody means that.
func TestConfigWithoutEncryption(t *testing.T) {
	t.Parallel()
	c := contracts[len(contracts)-1]
	text := apply(t, c.config(t, machine.TypeControlPlane), "cluster: {secretboxEncryptionSecret: {$patch: delete}}")
	if messages, code := check(t, text, c.name); code != 0 || !strings.Contains(messages, "secretboxEncryptionSecret") {
		t.Errorf("exit code %d: %s", code, messages)
	}
}
