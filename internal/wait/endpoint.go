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

	apiwait "k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/wait/diagnose"
	"github.com/tazlab/seed/internal/wait/kube"
	"github.com/tazlab/seed/internal/wait/probe"
	"github.com/tazlab/seed/internal/wait/target"
)

// again is how long an endpoint that answered is left alone while others are waited for.
const again = 10 * time.Second

// backoff are the pauses between two tries of an endpoint.
var backoff = apiwait.Backoff{Duration: 250 * time.Millisecond, Factor: 1.5, Jitter: 0.3, Steps: 100, Cap: 2 * time.Second}

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
	var stop context.CancelFunc
	probing := make(chan error, 1)
	end := func() {
		if stop != nil {
			stop()
			<-probing
			stop = nil
		}
	}
	defer end()
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := f.object(t, PasswordObject(key), func(s target.State) {
		if !s.Met {
			end()
			report(target.State{Why: "the Secret " + key.Name + " with the password: " + s.Why})
			return
		}
		if stop != nil {
			return
		}
		inner, cancelProbe := context.WithCancel(ctx)
		stop = cancelProbe
		go func() {
			err := follow(inner, t.Endpoint, prober(t.Endpoint, password), report)
			if err != nil {
				failed <- err
				cancel()
			}
			probing <- err
		}()
	}).Follow(ctx)
	select {
	case err := <-failed:
		return err
	default:
		return err
	}
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

// follow probes until ctx ends.
func follow(ctx context.Context, e *target.Endpoint, p probe.Probe, report func(target.State)) error {
	pauses, failing := backoff, time.Time{}
	for ctx.Err() == nil {
		found, err := p.Probe(ctx)
		pause := again
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			pauses, failing = backoff, time.Time{}
			report(target.State{Met: true, Why: found})
		case target.IsUnusable(err):
			return err
		default:
			if failing.IsZero() {
				failing = time.Now()
			}
			report(target.State{Why: explain(e, err, time.Since(failing))})
			pause = pauses.Step()
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

func explain(e *target.Endpoint, err error, waited time.Duration) string {
	at := diagnose.Where{Address: e.URL.Host, CAFile: e.CAFile, Waited: waited}
	if e.URL.Scheme == "http" || e.URL.Scheme == "https" {
		at.Proxy = probe.Proxy(e.URL)
	}
	if text := diagnose.Explain(err, at); text != "" {
		return text
	}
	return err.Error()
}
