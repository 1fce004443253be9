// Package loopback gives each test addresses of this machine that no other test has.
package loopback

import (
	"math/rand/v2"
	"net/netip"
)

// Address is a HOST:PORT at which nobody listens, until the caller or a program of the caller's does.
//
// All of 127.0.0.0/8 is this machine (https://www.rfc-editor.org/rfc/rfc6890#section-2.2.2), so each caller gets a host of its own.
// A port of 127.0.0.1 that was listened at and closed is anybody's until the program that is told of it has started, or starts
// again: other tests listen at 127.0.0.1:0 meanwhile. Nor is the port one that the kernel gives away: those begin with 32768
// (net.ipv4.ip_local_port_range), and who listens at one of them with every host takes it from this one, too.
func Address() string {
	host := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))}) //nolint:gosec // others may guess it
	return netip.AddrPortFrom(host, uint16(10000+rand.IntN(20000))).String()                                        //nolint:gosec // as above
}
