// Package node brings up a real Kubernetes control-plane node in Linux namespaces of its own, and takes it away without a trace.
//
// Start, called on the host as root, runs its own binary again as a detached supervisor; that process calls Run, which is PID 1
// of the node. Everything the node keeps lies in one folder, Config.Dir.
package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/tazlab/seed/castle/internal/pki"
)

// Fixed facts about the node: its namespaces are its own, so they need no configuration.
const (
	Name         = "castle"
	Domain       = "castle.internal"   // DNS domain of the node and of the services beside it
	Endpoint     = Name + "." + Domain // DNS name of the control plane
	NodeIP       = "10.99.0.1"
	ServicesIP   = "10.99.0.2" // where the services beside the node listen
	MirrorAddr   = ServicesIP + ":5000"
	APIAddr      = NodeIP + ":6443"
	KubePrism    = "127.0.0.1:7445"
	Issuer       = "https://" + APIAddr // service-account issuer and audience: the control-plane endpoint, as Talos has it
	PauseImage   = "registry.k8s.io/pause:3.10"
	clusterDNSIP = "10.96.0.10"
	// kube-proxy drops what goes to an unknown address of the Service range: Talos' default, a /12, would hold the node's.
	serviceCIDR      = "10.96.0.0/16"
	podCIDR          = "10.244.0.0/16" // the CNI configuration hands out its first /24
	apiServiceIP     = "10.96.0.1"     // the Service address of the API server
	containerdSocket = "/run/containerd/containerd.sock"
	localAPI         = "127.0.0.1:6443"
	localEtcd        = "127.0.0.1:2379"
	cniBinaries      = "/usr/lib/cni"
)

// APIDoor is the name of the door that leads to the API server; Start adds it on a free loopback port when Config has none.
const APIDoor = "api"

// Config describes a node.
type Config struct {
	// Dir holds all state of the node. It is made when missing; its file system must be able to carry an overlay's upper layer.
	Dir string
	// Command are the arguments with which the own binary, run again, calls Run: for example ["node", "--dir", DIR].
	Command []string
	// Binaries gives the path of each program that Programs lists.
	Binaries map[string]string
	// Doors lead from the host into the node.
	Doors []Door
	// Goal is the event that Start waits for; default NodeReady.
	Goal string
	// NoCNI brings no network: no CNI configuration, and so no kube-proxy and no cluster DNS either. The node goes on when there
	// is one, by AddCNI or by a Pod that writes it to /etc/cni/net.d. The goal is APIReady then.
	NoCNI bool
	// Taint keeps the control-plane taint; the default is Talos' allowSchedulingOnControlPlanes.
	Taint bool
	// Preload are images that are pulled before kubelet starts.
	Preload []string
	// Audit are the users whose requests get into the API server's audit log, at level Metadata; none: it keeps no such log.
	Audit []string
	// ServiceAccountKey, when set, is the cluster's key for tokens, made beforehand by pki.ServiceAccountKey: a vault can then know
	// it before there is a cluster. By default the node makes one, which makes the API server a second or more late.
	ServiceAccountKey pki.Pair `json:"-"`
	// OnEvent, when set, is told in Start's process about each event until Start returns.
	OnEvent func(Event) `json:"-"`
}

// Door is a TCP listener on the host whose connections the supervisor carries to an address inside the node.
type Door struct {
	Name     string
	HostAddr string // for example 127.0.0.1:0; port 0 takes a free one
	NodeAddr string // for example 10.99.0.1:30080
}

// Programs lists the programs that a node needs in Config.Binaries. runc, nft, mount and the CNI plugins come from the host.
func Programs() []string {
	return []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
		"containerd", "containerd-shim-runc-v2", "ctr", "coredns",
	}
}

// complete fills in defaults and finds what cannot work.
func (c *Config) complete() error {
	if c.Dir == "" || len(c.Command) == 0 {
		return errors.New("node config: Dir and Command must be set")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return fmt.Errorf("node config: %w", err)
	}
	c.Dir = dir
	if c.Goal == "" {
		c.Goal = NodeReady
	}
	if c.Goal != NodeReady && c.Goal != APIReady {
		return fmt.Errorf("node config: goal %q is neither %q nor %q", c.Goal, APIReady, NodeReady)
	}
	if c.NoCNI && c.Goal == NodeReady {
		return fmt.Errorf("node config: without CNI the node cannot become ready; choose the goal %q", APIReady)
	}
	for _, name := range Programs() {
		if _, err := os.Stat(c.Binaries[name]); err != nil {
			return fmt.Errorf("node config: program %s: %w", name, err)
		}
	}
	if !slices.ContainsFunc(c.Doors, func(d Door) bool { return d.Name == APIDoor }) {
		c.Doors = append(slices.Clone(c.Doors), Door{Name: APIDoor, HostAddr: "127.0.0.1:0", NodeAddr: APIAddr})
	}
	return nil
}

// save writes the configuration for the supervisor.
func (c *Config) save() error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode node config: %w", err)
	}
	return writeFile(filepath.Join(c.Dir, "config.json"), data)
}

// ReadConfig reads the configuration that Start left in dir: what the hidden subcommand gives to Run.
func ReadConfig(dir string) (Config, error) {
	var c Config
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return c, fmt.Errorf("read node config: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("read node config in %s: %w", dir, err)
	}
	return c, nil
}

// writeFile writes a file that only root can read, whole or not at all.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func ip(s string) net.IP { return net.ParseIP(s).To4() }
