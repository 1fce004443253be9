package diagnose

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// patience is for how long a refused connection is nothing but a server that starts: a control plane node restarts its
// API server in less.
const patience = 30 * time.Second

// connect knows the connections that never came about.
func connect(err error, at Where) (class, cure string) {
	op, ok := errors.AsType[*net.OpError](err)
	dialling := ok && op.Op == "dial"
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused", refused(at)
	// Cilium answers with these two where a Service has no backend (https://github.com/cilium/cilium/issues/45184).
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EPERM) && dialling:
		return "route", "the node gives this Pod no way to " + at.who() + ": the Service has no ready Pod, a NetworkPolicy forbids it, or the host is down"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "route", "this Pod has no route to " + at.who() + ": check the address (IPv4 or IPv6 as the Pod has it) and the network plugin on the node"
	case dialling && timedOut(err):
		return "timeout", "nothing comes back from " + at.who() + ": a NetworkPolicy may let this Pod send nothing there: " + egress(at) +
			"; else check route and firewalls"
	}
	return "", ""
}

func refused(at Where) string {
	first := "nobody listens at " + at.who() + ": it has not started, or its Service has no ready Pod, or the port is another"
	if at.API {
		first = at.who() + " does not listen: it may be restarting"
	}
	if at.Waited < patience {
		return first
	}
	// No time that grows: the same must be said in the same words.
	return first + "; refused for more than " + patience.String() + " now. In a service mesh an init container's traffic goes to a proxy that " +
		"does not run yet: have the mesh use native sidecars; or annotate the Pod " + exclude(at) + ", which counts for all its containers; or run this container as the proxy's user (Istio: runAsUser 1337)"
}

// exclude are the annotations that keep the traffic to an address out of a mesh, with the whole Pod's.
// https://istio.io/latest/docs/reference/config/annotations/, https://linkerd.io/2/reference/proxy-configuration/
func exclude(at Where) string {
	host, port := at.split()
	istio := "traffic.sidecar.istio.io/excludeOutboundPorts: "
	if cidr := single(host); cidr != "" {
		istio = "traffic.sidecar.istio.io/excludeOutboundIPRanges: " + cidr
	} else if port != "" {
		istio += `"` + port + `"`
	} else {
		istio += "PORT"
	}
	if port == "" {
		return istio + " (Istio), config.linkerd.io/skip-outbound-ports: PORT (Linkerd)"
	}
	return istio + ` (Istio), config.linkerd.io/skip-outbound-ports: "` + port + `" (Linkerd)`
}

// egress is the rule of a NetworkPolicy that lets a Pod call an address.
func egress(at Where) string {
	host, port := at.split()
	if at.API {
		return "allow egress to the addresses and the port of `kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes`: " +
			"most network plugins look at those, not at the Service (Cilium: toEntities: [kube-apiserver])"
	}
	rule := ""
	if cidr := single(host); cidr != "" {
		rule = "to: [{ipBlock: {cidr: " + cidr + "}}]"
	}
	if port != "" {
		rule = strings.TrimPrefix(rule+", ports: [{port: "+port+"}]", ", ")
	}
	if rule == "" {
		return "allow egress to it"
	}
	return "allow it with egress: [{" + rule + "}], for a Service with the address and the port of the Pods behind it"
}

// single is the CIDR of one address, "" if host is none.
func single(host string) string {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	return netip.PrefixFrom(address.WithZone(""), address.BitLen()).String()
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// slow knows the connections on which no answer came.
func slow(err error, at Where) (class, cure string) {
	if !timedOut(err) {
		return "", ""
	}
	return "timeout", at.who() + " gave no answer in time: look at its load and its log, and at a proxy or firewall between"
}

// cut knows the connections that ended too early.
func cut(err error, at Where) (class, cure string) {
	for _, end := range []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, end) {
			return "cut", ended(at)
		}
	}
	// net/http exports no error for these, which are HTTP/2's but for the first.
	for _, end := range []string{"http: server closed idle connection", "http2: server sent GOAWAY", "http2: client connection lost", "stream error: stream ID"} {
		if strings.Contains(err.Error(), end) {
			return "cut", ended(at)
		}
	}
	return "", ""
}

func ended(at Where) string {
	return "the connection to " + at.who() + " ended before the answer: it restarts, speaks another protocol at this port, or a proxy between has nobody behind it"
}
