package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/wait/target"
)

// Server is a PostgreSQL server and how to ask it. Nothing else counts: not the environment (PGHOST, PGPASSWORD, ...), no
// ~/.pgpass and no service file.
type Server struct {
	// Host is a name or an address.
	Host string
	// Port is 5432 if it is 0.
	Port uint16
	// User is "postgres" if it is empty.
	User string
	// Database is, if it is empty, the one with the user's name.
	Database string
	// SSLMode is that of libpq, "prefer" if it is empty.
	// https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
	SSLMode string
	// RootCert is a file with the only authorities to trust. If it is empty or "system", these are the system's.
	RootCert string
	// Password is called for each probe. If it is nil, no login is tried.
	Password func(ctx context.Context) (secret.String, error)
}

// What a server says, https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	cannotConnectNow = "57P03"
	invalidPassword  = "28P01"
	invalidLogin     = "28000"
)

// Postgres asks a PostgreSQL server. With a password it logs in, and waits until the server is ready for queries. Without
// one it asks as pg_isready does: it begins a session, sends no password, and takes every answer but "not now" (57P03)
// for a server that accepts connections.
func Postgres(server Server) Probe {
	if server.Port == 0 {
		server.Port = 5432
	}
	if server.User == "" {
		server.User = "postgres"
	}
	return postgres{server}
}

type postgres struct{ Server }

// Probe implements Probe.
func (p postgres) Probe(ctx context.Context) (string, error) {
	address := net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port)))
	// pgconn takes a host with a comma for several, and one with a slash for a socket's folder.
	if p.Host == "" || strings.ContainsAny(p.Host, ",/\x00") {
		return "", unusable("asking PostgreSQL at %s: the host is neither a name nor an address", address)
	}
	if p.SSLMode != "" && !slices.Contains(target.SSLModes, p.SSLMode) {
		return "", unusable("asking PostgreSQL at %s: sslmode=%s: it must be one of %s", address, p.SSLMode, strings.Join(target.SSLModes, " "))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	detail, err := p.ask(ctx)
	if err != nil {
		return "", fmt.Errorf("asking PostgreSQL at %s: %w", address, oneLine{err})
	}
	return detail, nil
}

func (p postgres) ask(ctx context.Context) (string, error) {
	config, err := p.config()
	if err != nil {
		return "", err
	}
	if p.Password == nil {
		return accepts(ctx, config)
	}
	password, err := p.Password(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	if password.Empty() {
		return "", errors.New("reading the password: it is still empty")
	}
	config.Password = password.Reveal()
	return login(ctx, config)
}

// accepts ends with the first answer. What is refused is a session without a password, or with a made-up user: that the
// server says so is what was asked.
func accepts(ctx context.Context, config *pgconn.Config) (string, error) {
	// pgconn then hangs up where a server asks for a password, and sends none.
	config.RequireAuth = "none"
	seen := watch(config, true)
	connection, err := seen.connect(ctx, config)
	if err == nil {
		_ = connection.Close(ctx)
		return "accepts connections", nil
	}
	if seen.asked() {
		return "accepts connections (it asks for a password; none was given)", nil
	}
	for _, refusal := range seen.refusals {
		if refusal.Code != cannotConnectNow && len(refusal.Code) == len(cannotConnectNow) {
			return "accepts connections (it says: " + refusal.Error() + ")", nil
		}
	}
	return "", seen.cause(err)
}

func login(ctx context.Context, config *pgconn.Config) (string, error) {
	seen := watch(config, false)
	connection, err := seen.connect(ctx, config)
	if err == nil {
		_ = connection.Close(ctx)
		return "ready for queries", nil
	}
	for _, refusal := range seen.refusals {
		if refusal.Code == invalidPassword || refusal.Code == invalidLogin {
			return "", fmt.Errorf("the login of %s is refused, as long as its password is not set or is another: %w", config.User, seen.cause(err))
		}
	}
	return "", seen.cause(err)
}

// oneLine is an error without the line breaks of errors.Join.
type oneLine struct{ error }

// Error implements error.
func (e oneLine) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", "; ") }

// Unwrap gives the error itself.
func (e oneLine) Unwrap() error { return e.error }
