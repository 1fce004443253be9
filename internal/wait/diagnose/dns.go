package diagnose

import (
	"errors"
	"net"
)

const clusterDNS = "allow egress to port 53, UDP and TCP, of the cluster's DNS, " +
	"or see whether it runs: kubectl get pods -n kube-system -l k8s-app=kube-dns"

func dns(err error, _ Where) (class, cure string) {
	lookup, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return "", ""
	case lookup.IsNotFound:
		return "DNS", "the name " + lookup.Name + " does not exist, or has no address yet: the Service may come later; else check the name " +
			"(SERVICE.NAMESPACE.svc for a Service of another namespace)"
	// Package net exports no such error. The name server did answer: it or the one behind it failed.
	case lookup.Err == "server misbehaving":
		return "DNS", "the name server" + server(lookup) + " could not say whether " + lookup.Name + " exists: look at its log, and at the name servers it asks"
	}
	return "DNS", "no name server answers for " + lookup.Name + server(lookup) + ": a NetworkPolicy may let this Pod not ask it: " + clusterDNS
}

func server(lookup *net.DNSError) string {
	if lookup.Server == "" {
		return ""
	}
	return " (" + lookup.Server + ")"
}
