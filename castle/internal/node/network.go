package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// setUpNetwork makes the own network namespace the node's: a bridge stands for its network interface, with the address of the
// node and that of the services beside it, and with a default route that leads nowhere.
func setUpNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring the loopback interface up: %w", err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name = "node0"
	bridge := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("make the interface node0: %w", err)
	}
	for _, address := range []string{NodeIP, ServicesIP} {
		parsed, err := netlink.ParseAddr(address + "/24")
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(bridge, parsed); err != nil {
			return fmt.Errorf("give node0 the address %s: %w", address, err)
		}
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return fmt.Errorf("bring node0 up: %w", err)
	}
	route := &netlink.Route{LinkIndex: bridge.Index, Scope: netlink.SCOPE_LINK, Src: ip(NodeIP)}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("add the default route: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("enable forwarding: %w", err)
	}
	return nil
}

// setUpNames gives the node its hostname, its hosts file and its resolver. names are the services beside it.
func setUpNames(dir string, names []string) error {
	if err := unix.Sethostname([]byte(Name)); err != nil {
		return fmt.Errorf("set the hostname: %w", err)
	}
	// What the node DNS serves, by CoreDNS' plugin hosts.
	lines := []string{NodeIP + " " + Endpoint}
	for _, name := range names {
		lines = append(lines, ServicesIP+" "+name+"."+Domain)
	}
	if err := writeFile(filepath.Join(dir, "hosts"), []byte(strings.Join(lines, "\n")+"\n")); err != nil {
		return err
	}
	for path, content := range map[string]string{
		"/etc/hosts":       "127.0.0.1 localhost\n" + NodeIP + " " + Name + "\n",
		"/etc/resolv.conf": "nameserver " + ServicesIP + "\n",
		"/etc/hostname":    Name + "\n",
	} {
		// Removed first: it may be a link to a file of the host's that does not exist here.
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("replace %s: %w", path, err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}
