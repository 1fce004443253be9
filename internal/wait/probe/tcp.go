package probe

import (
	"context"
	"fmt"
	"net"
)

// TCP asks whether somebody accepts connections at an address, HOST:PORT. Nothing is sent.
func TCP(address string) Probe { return tcp{address} }

type tcp struct{ address string }

// Probe implements Probe.
func (p tcp) Probe(ctx context.Context) (string, error) {
	host, port, err := net.SplitHostPort(p.address)
	if err != nil || host == "" || port == "" {
		return "", unusable("dialling %s: no HOST:PORT", p.address)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	connection, err := dialer().DialContext(ctx, "tcp", p.address)
	if err != nil {
		return "", fmt.Errorf("dialling %s: %w", p.address, err)
	}
	_ = connection.Close()
	return "accepts connections", nil
}
