// Package probe asks an endpoint once whether it is there: TCP, HTTP, DNS, PostgreSQL.
package probe

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/tazlab/seed/internal/wait/target"
)

// limit is for how long one probe may last, whatever its context allows.
const limit = 5 * time.Second

// dialLimit is less than limit, so that an error says that there was no connection, not only that there was no answer.
const dialLimit = 4 * time.Second

// Probe is one question to one endpoint.
type Probe interface {
	// Probe asks within 5 seconds. A nil error says that the endpoint is there, and detail what was found, for
	// example "answers with 200". Any other error says why not; it wraps the network's own error. What
	// target.Unusable marks cannot be helped by asking again. Neither shows a password, or more of a URL than scheme, host and path.
	Probe(ctx context.Context) (detail string, err error)
}

func unusable(format string, args ...any) error {
	return target.Unusable(fmt.Errorf(format, args...))
}

func dialer() *net.Dialer { return &net.Dialer{Timeout: dialLimit} }

// authorities reads the certificates in a file of PEM; no file is nil, which stands for the system's. It is read anew
// for each probe: it may come late and be renewed. So only a file that holds something else is unusable.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities to trust: %w", err)
	}
	if len(pem) == 0 {
		return nil, fmt.Errorf("reading the authorities to trust: %s is still empty", file)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, unusable("reading the authorities to trust: %s holds no certificate in PEM", file)
	}
	return pool, nil
}
