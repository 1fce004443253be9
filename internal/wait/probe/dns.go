package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// DNS asks whether a name has an address, IPv4 or IPv6, as the programs of this Pod would find it: with /etc/hosts and
// the search list. A nil resolver is the system's.
func DNS(name string, resolver *net.Resolver) Probe {
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	return dns{name, resolver}
}

type dns struct {
	name     string
	resolver *net.Resolver
}

// shown is how many addresses of a name are worth a line.
const shown = 3

// Probe implements Probe.
func (p dns) Probe(ctx context.Context) (string, error) {
	if _, err := netip.ParseAddr(p.name); err == nil || p.name == "" {
		return "", unusable("looking up %q: it is no name", p.name)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	addresses, err := p.resolver.LookupHost(ctx, p.name)
	if err != nil {
		return "", fmt.Errorf("looking up %s: %w", p.name, err)
	}
	if more := len(addresses) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(addresses[:shown], ", "), more), nil
	}
	return strings.Join(addresses, ", "), nil
}
