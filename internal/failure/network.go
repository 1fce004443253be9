package failure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Settings are the places where a user changes what a network call uses, as the next step is to name them.
type Settings struct {
	// CA is where the certificate of an authority goes, for example "the store's caBundle".
	CA string
	// ClientCertificate is where seed's own certificate goes; "" if there is no such place.
	ClientCertificate string
	// Proxy is where the proxy's address and credential are.
	Proxy string
	// Timeout is the limit that can be changed, for example "spec.timeout is 1m0s"; "" if it is fixed.
	Timeout string
}

// Network says of an error of a network call which class it is of (DNS, route, TLS, clock, proxy,
// timeout, cut) and what to do next, for example "DNS: the name vault.example.com does not exist: ...".
// It is "" for what is no network error, an ended context among it, and shows no more than names and
// addresses of hosts.
func Network(err error, at Settings) string {
	if err == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	for _, class := range []func(error, Settings) string{certificate, handshake, proxy, dns, route, scheme} {
		if hint := class(err, at); hint != "" {
			return hint
		}
	}
	return ""
}

// Certificate tells whether err is a server's certificate that was not accepted: the same call fails again
// until somebody changes the certificate, the trusted authorities or the clock.
func Certificate(err error) bool { return certificate(err, Settings{}) != "" }

func certificate(err error, at Settings) string {
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return "TLS: the server's certificate is not for " + host.Host + ": use the name that the certificate is for, or have one made for this name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "TLS: seed does not trust the authority that signed the server's certificate: put that CA's certificate into " + at.CA + ", or look who intercepts the connection"
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

func handshake(err error, at Settings) string {
	// crypto/tls exports the type of an alert for QUIC only.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		hint := "TLS: the server refused the handshake: it may want TLS below 1.2, or a client certificate"
		if at.ClientCertificate != "" {
			hint += " in " + at.ClientCertificate
		}
		return hint
	}
	return ""
}

// scheme comes last: a registry that does not speak TLS may be asked without next, and that error says more.
func scheme(err error, _ Settings) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "TLS: the server does not speak TLS there: check the URL's scheme and port"
	}
	return ""
}

func dns(err error, _ Settings) string {
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

func route(err error, at Settings) string {
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
	case timeout && at.Timeout != "":
		return "timeout: no answer in time, " + at.Timeout + ": check the firewalls on the way, the server's load and log, and any proxy between"
	case timeout:
		return "timeout: no answer in time: check the firewalls on the way, the server's load and log, and any proxy between"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), endedHTTP2(err):
		return "cut: the connection ended in the middle: look at the server's log, and at any proxy or firewall between"
	case dialling:
		return "route: no connection: check the node's network"
	}
	return ""
}
