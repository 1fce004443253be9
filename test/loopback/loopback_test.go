package loopback_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/tazlab/seed/test/loopback"
)

// Nobody takes the address by listening at its port of 127.0.0.1, and no two callers have the same host.
func TestAddress(t *testing.T) {
	t.Parallel()
	seen := map[netip.Addr]bool{}
	for range 20 {
		address := netip.MustParseAddrPort(loopback.Address())
		host := address.Addr()
		if !host.IsLoopback() || host == netip.MustParseAddr("127.0.0.1") || seen[host] {
			t.Errorf("the host is %s, after %v", host, seen)
		}
		seen[host] = true
		taken, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), address.Port()).String())
		if err == nil { // else somebody has it already
			defer taken.Close()
		}
		ours, err := net.Listen("tcp", address.String())
		if err != nil {
			t.Fatal(err)
		}
		defer ours.Close()
	}
}
