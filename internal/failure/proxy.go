package failure

import (
	"errors"
	"net"
	"net/http"
	"strings"
)

// Proxy tells whether err is a proxy that did not take username and password.
func Proxy(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return tunnel(err) == http.StatusProxyAuthRequired ||
		ok && op.Op == opSOCKS && strings.HasSuffix(op.Err.Error(), "username/password authentication failed")
}

// opSOCKS is what the SOCKS client of net/http and golang.org/x/net/proxy calls itself in errors.
const opSOCKS = "socks connect"

func proxy(err error, at Settings) string {
	if Proxy(err) {
		return "proxy: it does not take username and password: correct them in " + at.Proxy
	}
	noWay := "proxy: it gives no way to the server: look at its rules and its log, or change it in " + at.Proxy
	if tunnel(err) != 0 {
		return noWay
	}
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case ok && op.Op == "proxyconnect":
		return "proxy: it cannot be reached: check the address in " + at.Proxy
	case ok && op.Op == opSOCKS:
		if inner, ok := errors.AsType[*net.OpError](op.Err); ok && inner.Op == "dial" {
			return "proxy: it cannot be reached: check the address in " + at.Proxy
		}
		return noWay
	}
	return ""
}

// tunnel is the status with which a proxy refused a tunnel, 0 if it is no such error. net/http makes of the
// answer to CONNECT an error that is the text of the status and nothing else.
func tunnel(err error) int {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	if err == nil {
		return 0
	}
	for status := http.StatusBadRequest; status < 600; status++ {
		if text := http.StatusText(status); text != "" && err.Error() == text {
			return status
		}
	}
	return 0
}
