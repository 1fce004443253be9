package diagnose

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"
)

const classTLS = "TLS"

func certificate(err error, at Where) (class, cure string) {
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		return classTLS, "the certificate of " + at.who() + " is not for " + wrong.Host + ": use a name that it is for, or have one made for this name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return classTLS, unknownAuthority(at)
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	expired := ok && invalid.Reason == x509.Expired
	if expired && invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore) {
		return "clock", "the certificate of " + at.who() + " is valid from " + invalid.Cert.NotBefore.UTC().Format(time.RFC3339) +
			" on, and here it is " + time.Now().UTC().Format(time.RFC3339) + ": check the clock of the node and its time servers"
	}
	if expired {
		return classTLS, "the certificate of " + at.who() + " has expired: renew it, or check the clock of the node and its time servers"
	}
	if _, unverified := errors.AsType[*tls.CertificateVerificationError](err); ok || unverified {
		return classTLS, "the certificate of " + at.who() + " cannot be verified: have a valid one made"
	}
	return "", ""
}

func unknownAuthority(at Where) string {
	switch {
	case at.API && at.CAFile != "":
		return "the certificate of " + at.who() + " is signed by none of the authorities in " + at.CAFile +
			": it must be the cluster's own, from the ConfigMap kube-root-ca.crt of the Pod's namespace"
	case at.CAFile != "":
		return "the certificate of " + at.who() + " is signed by none of the authorities in " + at.CAFile +
			": put the right authority into that file, or look who intercepts the connection"
	}
	return "the certificate of " + at.who() + " is signed by no public authority: mount the authority's certificate and name " +
		"its file, with #ca=FILE behind an https target or sslrootcert=FILE in a postgres one"
}

func handshake(err error, at Where) (class, cure string) {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return classTLS, at.who() + " does not speak TLS there: check scheme and port"
	}
	// crypto/tls exports the type of an alert for QUIC only.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return classTLS, at.who() + " refused the handshake: it may want TLS below 1.2, a client certificate, or another name"
	}
	return "", ""
}
