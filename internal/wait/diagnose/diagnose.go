// Package diagnose says of an error of a network call, made from a Pod, which class it is of and how to cure it.
package diagnose

import (
	"context"
	"errors"
	"net"
	"time"
)

// Where says what a call was made to and how. All fields may be empty.
type Where struct {
	// API is set for the API server, not for a target.
	API bool
	// Address is who was called, as HOST or HOST:PORT.
	Address string
	// CAFile is the file with the authorities that were trusted; "" for those of the system.
	CAFile string
	// Waited is for how long calls like this have failed.
	Waited time.Duration
	// Proxy is the proxy that was used; "" if none was.
	Proxy string
}

// Class is the class of an error of a network call: "refused", "timeout", "DNS", "TLS", "clock", "proxy", "cut" or
// "route". It is "" for nil, for what is no error of the network, and for a context that was cancelled.
func Class(err error) string {
	class, _ := classify(err, Where{})
	return class
}

// Explain says in one line which class an error is of and what to do about it, for example "DNS: the name
// db.apps.svc does not exist: ...". It is "" where Class is. It shows names, addresses and paths of files only, nothing
// that was sent or received.
func Explain(err error, at Where) string {
	class, cure := classify(err, at)
	if class == "" {
		return ""
	}
	return class + ": " + cure
}

// classify asks who knows most first: a proxy that cannot be reached has an address that does not resolve or refuses,
// and an address that does not resolve is a call that was not made in time.
func classify(err error, at Where) (class, cure string) {
	if err == nil || errors.Is(err, context.Canceled) {
		return "", ""
	}
	for _, knows := range []func(error, Where) (class, cure string){proxy, certificate, handshake, dns, connect, slow, cut} {
		if class, cure := knows(err, at); class != "" {
			return class, cure
		}
	}
	return "", ""
}

// who is the name of the other side in a sentence.
func (at Where) who() string {
	switch {
	case at.API && at.Address != "":
		return "the API server (" + at.Address + ")"
	case at.API:
		return "the API server"
	case at.Address != "":
		return at.Address
	}
	return "the server"
}

// split gives host and port of the address; the port is "" where it has none.
func (at Where) split() (host, port string) {
	host, port, err := net.SplitHostPort(at.Address)
	if err != nil {
		return at.Address, ""
	}
	return host, port
}
