package life

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fluxcd/pkg/ssa"

	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/talos"
)

// upgradeWait is how long UpgradeK8s waits for readiness: talosctl's default of --manifests-reconcile-timeout.
const upgradeWait = 5 * time.Minute

// machine is what the castle's machine knows of Talos: it outlives reboots and the process that brought the castle up.
type machine struct {
	Talos talos.Version `json:"talos"`
	// Config is the machine config, as far as there is one: a patch, which may hold seed's identity.
	Config string `json:"config"`
	// Changes counts the settings that Harmless gave.
	Changes int `json:"changes"`
}

func (c *Castle) machineFile() string { return filepath.Join(c.Dir, "machine.json") }

func (c *Castle) machine() (m machine, err error) {
	data, err := os.ReadFile(c.machineFile())
	if errors.Is(err, os.ErrNotExist) {
		return m, errors.New("no castle is up: run castle up --bare")
	}
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read the castle's machine config: %w", err)
	}
	return m, nil
}

func (c *Castle) saveMachine(m machine) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(c.machineFile()+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(c.machineFile()+".new", c.machineFile())
}

// manifests returns the inline manifests of a machine config. Objects that are not in one are seed's manifest as it is.
func (m machine) manifests() ([]talos.Manifest, error) {
	all, err := talos.Manifests([]byte(m.Config))
	if errors.Is(err, talos.ErrNoMachineConfig) {
		return []talos.Manifest{{Name: "seed", Contents: m.Config}}, nil
	}
	return all, err
}

// applier is Talos in the castle, with Talos' own cluster DNS, and the inline manifests it has.
func (c *Castle) applier(m machine) (*talos.Applier, []talos.Manifest, error) {
	manifests, err := m.manifests()
	if err != nil {
		return nil, nil, err
	}
	config, err := c.Config()
	if err != nil {
		return nil, nil, err
	}
	dns, err := node.ClusterDNS(images.CoreDNS(coreDNS).Name)
	if err != nil {
		return nil, nil, err
	}
	applier, err := talos.New(config, m.Talos)
	if err != nil {
		return nil, nil, err
	}
	applier.BuiltIn = []talos.Manifest{{Name: "11-core-dns", Contents: string(dns)}}
	applier.OnError = func(err error) { fmt.Fprintf(c.screen, "Talos would try again: %v\n", err) }
	return applier, manifests, nil
}

// Apply makes config the machine config, as "talosctl apply-config" does: a machine config, a patch of one, or seed's objects alone.
// Talos then applies the inline manifests of it; those that the config had before and has no more stay in the cluster.
func (c *Castle) Apply(ctx context.Context, config []byte) error {
	if err := c.SetMachineConfig(config); err != nil {
		return err
	}
	m, err := c.machine()
	if err != nil {
		return err
	}
	return c.boot(ctx, m)
}

// boot is what Talos does with inline manifests whenever it boots.
func (c *Castle) boot(ctx context.Context, m machine) error {
	applier, manifests, err := c.applier(m)
	if err != nil {
		return err
	}
	return applier.Apply(ctx, manifests)
}

// Reboot restarts the node on its disk and lets Talos boot: it returns when the node is ready and the machine config applied.
func (c *Castle) Reboot(ctx context.Context) error {
	m, err := c.machine()
	if err != nil {
		return err
	}
	if c.node, err = node.Restart(ctx, c.NodeDir(), c.show); err != nil {
		return err
	}
	return c.boot(ctx, m)
}

// UpgradeK8s makes the cluster what the machine config says, as "talosctl upgrade-k8s" does with the version that is there.
func (c *Castle) UpgradeK8s(ctx context.Context) error {
	m, err := c.machine()
	if err != nil {
		return err
	}
	applier, manifests, err := c.applier(m)
	if err != nil {
		return err
	}
	changes, err := applier.UpgradeK8s(ctx, manifests, talos.Upgrade{Wait: upgradeWait})
	for _, change := range changes {
		if change.Action != ssa.UnchangedAction {
			fmt.Fprintf(c.screen, "%s %s\n", change.Action, change.Subject)
		}
	}
	return err
}

// MachineConfig is what Apply was given last.
func (c *Castle) MachineConfig() ([]byte, error) {
	m, err := c.machine()
	return []byte(m.Config), err
}

// SetMachineConfig makes config the machine config. Talos has not looked at it yet: Reboot and UpgradeK8s will.
func (c *Castle) SetMachineConfig(config []byte) error {
	m, err := c.machine()
	if err != nil {
		return err
	}
	m.Config = string(config)
	if _, err := m.manifests(); err != nil { // a machine config that Talos refuses changes nothing
		return err
	}
	return c.saveMachine(m)
}

// Harmless returns arguments of seed render that make another set than all before, and change nothing that seed does.
func (c *Castle) Harmless() ([]string, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	m.Changes++
	return []string{"--registry-mirror", fmt.Sprintf("changed-%d.%s=registry.%[2]s", m.Changes, node.Domain)}, c.saveMachine(m)
}

// Changed makes a machine config of the folder tree that differs from all before in a setting that does no harm.
func (c *Castle) Changed(ctx context.Context, tree string) ([]byte, error) {
	setting, err := c.Harmless()
	if err != nil {
		return nil, err
	}
	return c.Manifest(ctx, tree, setting...)
}
