package diagnose

import (
	"errors"
	"net"
	"net/http"
)

func proxy(err error, at Where) (class, cure string) {
	name := "the proxy"
	if at.Proxy != "" {
		name += " " + at.Proxy
	}
	host, _ := at.split()
	if host == "" {
		host = "the host"
	}
	without := ", or put " + host + " into NO_PROXY if this Pod can reach it without"
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case ok && op.Op == "proxyconnect":
		return "proxy", name + " cannot be reached: check the address in HTTPS_PROXY or HTTP_PROXY" + without
	case ok && op.Op == "socks connect":
		return "proxy", name + " gives no connection to " + at.who() + ": check its address in HTTPS_PROXY or HTTP_PROXY, and its log" + without
	case tunnel(err) == http.StatusProxyAuthRequired:
		return "proxy", name + " wants a username and a password: give it those it takes" + without
	case tunnel(err) != 0:
		return "proxy", name + " gives no way to " + at.who() + " (" + http.StatusText(tunnel(err)) + "): look at its rules and its log" + without
	}
	return "", ""
}

// tunnel is the status with which a proxy refused a tunnel, 0 if it is no such error. net/http makes of the answer to
// CONNECT an error that is the text of the status and nothing else.
func tunnel(err error) int {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	for status := http.StatusBadRequest; status < 600; status++ {
		if text := http.StatusText(status); text != "" && err.Error() == text {
			return status
		}
	}
	return 0
}
