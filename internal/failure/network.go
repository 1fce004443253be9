package failure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Network says of an error of a network call which class it is of (DNS, route, TLS, clock, proxy,
// timeout, cut) and what to do next, for example "DNS: the name vault.example.com does not exist: ...".
// It is "" for what is no network error, an ended context among it, and shows no more than names and
// addresses of hosts.
func Network(err error) string {
	if err == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	for _, class := range []func(error) string{certificate, handshake, proxy, dns, route} {
		if hint := class(err); hint != "" {
			return hint
		}
	}
	return ""
}

// Certificate tells whether err is a server's certificate that was not accepted: the same call fails again
// until somebody changes the certificate, the trusted authorities or the clock.
func Certificate(err error) bool { return certificate(err) != "" }

func certificate(err error) string {
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return "TLS: the server's certificate is not for " + host.Host + ": use the name that the certificate is for, or have one made for this name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "TLS: seed does not trust the authority that signed the server's certificate: give it that CA's certificate (the store's caBundle or caProvider, the ca.crt of the source's Secret), or look who intercepts the connection"
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if ok && invalid.Reason == x509.Expired && invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore) {
		return "clock: the server's certificate is valid from " + invalid.Cert.NotBefore.UTC().Format(time.RFC3339) + " on, and the node's clock is before that: check the node's time servers"
	}
	if ok && invalid.Reason == x509.Expired {
		return "TLS: the server's certificate has expired: renew it, or check the node's clock and time servers"
	}
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	if ok || unverified {
		return "TLS: the server's certificate cannot be verified: have a valid one made"
	}
	return ""
}

func handshake(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "TLS: the server does not speak TLS there: check the URL's scheme and port"
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return "TLS: the server refused the handshake: it may want TLS below 1.2, or a client certificate"
	}
	return ""
}

func proxy(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return "proxy: it cannot be reached: check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
	}
	// net/http makes a plain error of the answer to CONNECT.
	if strings.HasSuffix(err.Error(), http.StatusText(http.StatusProxyAuthRequired)) {
		return "proxy: it wants credentials: put them into HTTPS_PROXY, or the server's name into NO_PROXY"
	}
	return ""
}

func dns(err error) string {
	lookup, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return ""
	case lookup.IsNotFound:
		return "DNS: the name " + lookup.Name + " does not exist: check its spelling and the node's name servers"
	default:
		return "DNS: no name server answers for " + lookup.Name + ": check the node's name servers and the way to them"
	}
}

func route(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	dialling := ok && op.Op == "dial"
	var netErr net.Error
	timeout := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "route: nobody listens at this address and port: check both, and that the server runs"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "route: the node knows no way to this address: check its default route, its cables and the firewall"
	case timeout && dialling:
		return "route: nothing comes back from this address: check the route and the firewall"
	case timeout:
		return "timeout: the server took the connection and does not answer in time: check its load and log, and any proxy between"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "cut: the connection ended in the middle: look at the server's log, and at any proxy or firewall between"
	case dialling:
		return "route: no connection: check the node's network"
	}
	return ""
}
