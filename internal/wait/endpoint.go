package wait

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/wait/kube"
	"github.com/tazlab/seed/internal/wait/probe"
	"github.com/tazlab/seed/internal/wait/target"
)

// Follower follows objects and endpoints.
type Follower struct {
	// Client may be nil where no target needs the API server.
	Client *kube.Client
	// Grace is how long a refusal of the API server is waited out.
	Grace time.Duration
	// Note is called with what the user should know and what changes nothing.
	Note func(t target.Target, text string)
}

// Follow is for Wait.Follow.
func (f Follower) Follow(ctx context.Context, t target.Target, report func(target.State)) error {
	if t.Object != nil {
		return f.object(t, t.Object, report).Follow(ctx)
	}
	if t.Endpoint.PasswordSecret == nil {
		return follow(ctx, t.Endpoint, prober(t.Endpoint, readFile(t.Endpoint.PasswordFile)), report)
	}
	return f.withSecret(ctx, t, report)
}

func (f Follower) object(t target.Target, o *target.Object, report func(target.State)) *kube.Follower {
	return &kube.Follower{
		Client: f.Client, Object: o, Grace: f.Grace, Report: report,
		Note: func(text string) { f.Note(t, text) },
	}
}

// withSecret probes for as long as the Secret with the password is there; without it, that is what is waited for.
func (f Follower) withSecret(ctx context.Context, t target.Target, report func(target.State)) error {
	key := *t.Endpoint.PasswordSecret
	password := func(ctx context.Context) (secret.String, error) { return f.Client.SecretValue(ctx, key) }
	there := func(ctx context.Context, report func(target.State)) error {
		return f.object(t, PasswordObject(key), report).Follow(ctx)
	}
	probing := func(ctx context.Context) error {
		return follow(ctx, t.Endpoint, prober(t.Endpoint, password), report)
	}
	return whileMet(ctx, there, probing, func(s target.State) {
		report(target.State{Unknown: s.Unknown, Why: "the Secret " + key.Name + " with the password: " + s.Why})
	})
}

// PasswordObject is the Secret of a password-secret as a target of its own.
func PasswordObject(key target.SecretKey) *target.Object {
	return &target.Object{
		Namespace: key.Namespace, Kind: "secret", Name: key.Name,
		Check: target.Check{Word: target.Key, Keys: []string{key.Key}},
	}
}

// readFile reads a password from a file, anew for each try: a mounted Secret changes.
func readFile(file string) func(context.Context) (secret.String, error) {
	if file == "" {
		return nil
	}
	return func(context.Context) (secret.String, error) {
		data, err := os.ReadFile(file)
		if err != nil {
			return secret.String{}, fmt.Errorf("reading the password: %w", err)
		}
		value := strings.TrimRight(string(data), "\r\n")
		if value == "" {
			return secret.String{}, fmt.Errorf("the file %s with the password is empty", file)
		}
		return secret.New(value), nil
	}
}

func prober(e *target.Endpoint, password func(context.Context) (secret.String, error)) probe.Probe {
	switch e.URL.Scheme {
	case "tcp":
		return probe.TCP(e.URL.Host)
	case "dns":
		return probe.DNS(e.URL.Hostname(), net.DefaultResolver)
	case "postgres":
		return probe.Postgres(server(e.URL, password))
	default: // http, https
		return probe.HTTP(e.URL, e.Status, e.CAFile)
	}
}

// server reads the URL as libpq does (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS).
func server(u *url.URL, password func(context.Context) (secret.String, error)) probe.Server {
	port, _ := strconv.ParseUint(u.Port(), 10, 16) // checked when it was parsed; none is 0
	return probe.Server{
		Host: u.Hostname(), Port: uint16(port), User: u.User.Username(), Database: strings.TrimPrefix(u.Path, "/"),
		SSLMode: u.Query().Get("sslmode"), RootCert: u.Query().Get("sslrootcert"), Password: password,
	}
}
