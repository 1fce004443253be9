package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// alone names every other setting that pgconn would read from the environment or the home folder. It asks for a user's
// name from the system if none is named; the user is set later.
const alone = " user=nobody passfile='' sslcert='' sslkey='' sslpassword='' sslnegotiation='' sslsni=1 connect_timeout=0" +
	" target_session_attrs=any min_protocol_version='' max_protocol_version='' channel_binding=prefer require_auth=''"

// config lets pgconn make what sslmode stands for, and nothing else.
func (p postgres) config() (*pgconn.Config, error) {
	// A service is the one thing that cannot be overruled. Nothing else in this process reads the variable.
	if err := os.Unsetenv("PGSERVICE"); err != nil {
		return nil, fmt.Errorf("leaving PGSERVICE out of account: %w", err)
	}
	if p.RootCert != "system" {
		if _, err := authorities(p.RootCert); err != nil {
			return nil, err
		}
	}
	config, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=%d sslmode=%s sslrootcert=%s", quote(p.Host), p.Port, quote(p.SSLMode), quote(p.RootCert)) + alone)
	if err != nil {
		return nil, fmt.Errorf("putting the settings together: %w", err)
	}
	config.User, config.Database, config.Password = p.User, p.Database, ""
	config.RuntimeParams = map[string]string{"application_name": "waitfor"}
	config.MaxProtocolMessageBodyLen = 64 << 10
	// The dialler looks the host up itself, and shares its time among the addresses.
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	return config, nil
}

func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// conversation is what was seen of the connections that one call of pgconn makes: with sslmode=prefer it tries with TLS,
// and then without.
type conversation struct {
	first     bool // whether the first answer is enough
	failed    error
	frontends []*pgproto3.Frontend
	refusals  []*pgconn.PgError
}

var errAnswered = errors.New("the server has answered")

func watch(config *pgconn.Config, first bool) *conversation {
	seen := &conversation{first: first}
	config.DialFunc = seen.dial
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		frontend := pgproto3.NewFrontend(r, w)
		seen.frontends = append(seen.frontends, frontend)
		return frontend
	}
	closeIfFatal := config.OnPgError
	config.OnPgError = func(connection *pgconn.PgConn, refusal *pgconn.PgError) bool {
		seen.refusals = append(seen.refusals, refusal)
		return closeIfFatal(connection, refusal)
	}
	return seen
}

// asking marks the context of the question.
type asking struct{}

func (c *conversation) connect(ctx context.Context, config *pgconn.Config) (*pgconn.PgConn, error) {
	return pgconn.ConnectConfig(context.WithValue(ctx, asking{}, true), config)
}

func (c *conversation) dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch {
	// Of a connection that was cut, pgconn cancels the query in the background, with a context of its own. There is none.
	case ctx.Value(asking{}) == nil:
		return nil, errAnswered
	case c.failed != nil:
		return nil, c.failed
	case c.first && (c.asked() || len(c.refusals) > 0):
		return nil, errAnswered
	}
	connection, err := dialer().DialContext(ctx, network, address)
	c.failed = err
	return connection, err
}

// asked tells whether a server asked for a proof of who is there.
func (c *conversation) asked() bool {
	for _, frontend := range c.frontends {
		if frontend.GetAuthType() != pgproto3.AuthTypeOk {
			return true
		}
	}
	return false
}

// cause is why there was no session: what the server said, else that there was no connection, else what pgconn says.
// pgconn's own error holds the whole configuration, so it stays here.
func (c *conversation) cause(err error) error {
	if len(c.refusals) > 0 {
		said := make([]error, len(c.refusals))
		for i, refusal := range c.refusals {
			said[i] = refusal
		}
		return errors.Join(said...)
	}
	if c.failed != nil {
		return c.failed
	}
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return connect.Unwrap()
	}
	return err
}
