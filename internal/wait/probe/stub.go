// Package probe stub.
package probe

import (
	"context"
	"net"
	"net/url"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/wait/target"
)

type Probe interface {
	Probe(ctx context.Context) (string, error)
}
type Unusable struct{ error }

func TCP(address string) Probe                                    { return nil }
func DNS(name string, r *net.Resolver) Probe                      { return nil }
func HTTP(u *url.URL, status []target.Range, caFile string) Probe { return nil }
func Postgres(u *url.URL, password func(context.Context) (secret.String, error)) Probe {
	return nil
}
