//go:build postgres

package probe_test

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/wait/diagnose"
	"github.com/tazlab/seed/internal/wait/probe"
	"github.com/tazlab/seed/test/loopback"
)

const (
	rightPassword = "hush-'right'-hush"
	nobody        = 65534 // PostgreSQL refuses to run as root
)

// cluster is the data of a real PostgreSQL, with these users: postgres logs in with a password, tls does so with TLS only, anyone
// needs none, outcast is refused.
type cluster struct {
	bin, folder string
	authority   string // a file
	// host is where it listens, and what its certificate is for; at other it listens, too. Both are nobody else's. The port has to be
	// free there only, which it stays while the server does not run.
	host, other string
	port        uint16
}

// The addresses are the clients': whoever calls an address of the loopback calls from this one.
const accounts = `
host    all outcast 127.0.0.1/32 reject
host    all anyone  127.0.0.1/32 trust
hostssl all tls     127.0.0.1/32 scram-sha-256
hostnossl all tls   127.0.0.1/32 reject
host    all all     127.0.0.1/32 scram-sha-256
`

func initialize(t *testing.T) cluster {
	t.Helper()
	mine, others := netip.MustParseAddrPort(loopback.Address()), netip.MustParseAddrPort(loopback.Address())
	c := cluster{bin: programs(t), folder: t.TempDir(), host: mine.Addr().String(), other: others.Addr().String(), port: mine.Port()}
	c.authority = filepath.Join(c.folder, "ca.crt")
	data, password := filepath.Join(c.folder, "data"), filepath.Join(c.folder, "password")
	ours := authority(t)
	certificate, key := ours.issue(t, c.host)
	c.write(t, c.authority, ours.pem)
	c.write(t, password, []byte(rightPassword))
	c.write(t, filepath.Join(c.folder, "server.crt"), certificate)
	c.write(t, filepath.Join(c.folder, "server.key"), key)
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chown(c.folder, nobody, nobody), os.Chmod(filepath.Dir(c.folder), 0o711)); err != nil {
			t.Fatal(err)
		}
	}
	command := c.command(t.Context(), "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256", "--pwfile="+password, "--locale=C", "-E", "UTF8", "--no-sync")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c.write(t, filepath.Join(data, "pg_hba.conf"), []byte(accounts))
	return c
}

// programs is the folder of the newest PostgreSQL here: the package postgresql of Debian keeps it outside of PATH.
func programs(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			t.Fatalf("no PostgreSQL here: install the package postgresql: %v", err)
		}
		found = []string{path}
	}
	return filepath.Dir(slices.Max(found))
}

// write makes a file that the server's user owns.
func (c cluster) write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
}

func (c cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	command.Dir, command.Env = c.folder, []string{"LC_ALL=C"}
	if os.Geteuid() == 0 {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return command
}

// start runs the server until stop is called, which returns its log. It returns when the log says so.
func (c cluster) start(t *testing.T, until string, settings ...string) (stop func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	args := []string{"-D", filepath.Join(c.folder, "data")}
	for _, setting := range append(settings, "port="+strconv.Itoa(int(c.port)), "listen_addresses="+c.host+","+c.other, "unix_socket_directories=", "fsync=off",
		"ssl=on", "ssl_cert_file="+filepath.Join(c.folder, "server.crt"), "ssl_key_file="+filepath.Join(c.folder, "server.key")) {
		args = append(args, "-c", setting)
	}
	command := c.command(ctx, "postgres", args...)
	// A smart shutdown waits for the sessions, whose ends are seen so in the log; a fast one would break them off.
	// https://www.postgresql.org/docs/current/server-shutdown.html
	command.Cancel, command.WaitDelay = func() error { return command.Process.Signal(syscall.SIGTERM) }, 30*time.Second
	log := &logged{until: until, seen: make(chan struct{})}
	command.Stderr = log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	stop = func() string {
		cancel()
		<-ended
		return log.text.String()
	}
	t.Cleanup(func() { stop() })
	select {
	case <-log.seen:
	case <-ended:
		t.Fatalf("the server ended before it said %q:\n%s", until, stop())
	}
	return stop
}

// logged is what a server says; seen is closed once it said until.
type logged struct {
	until string
	seen  chan struct{}
	text  strings.Builder
}

// Write implements io.Writer. os/exec calls it from one goroutine, which has ended when Wait returns.
func (l *logged) Write(line []byte) (int, error) {
	before := strings.Contains(l.text.String(), l.until)
	n, err := l.text.Write(line)
	if !before && strings.Contains(l.text.String(), l.until) {
		close(l.seen)
	}
	return n, err
}

func (c cluster) server(user, mode string) probe.Server {
	return probe.Server{Host: c.host, Port: c.port, User: user, SSLMode: mode, RootCert: c.authority}
}

func TestRealPostgreSQL(t *testing.T) {
	t.Parallel()
	c := initialize(t)
	standby := filepath.Join(c.folder, "data", "standby.signal")
	asked := probe.Postgres(c.server("", ""))
	login := probe.Postgres(with(c.server("", "verify-full"), rightPassword))

	notYet(t, asked, "refused", "connection refused")
	notYet(t, login, "refused", "connection refused")

	// A standby that lets nobody in recovers for ever, and says what a server says that starts.
	c.write(t, standby, nil)
	stop := c.start(t, "entering standby mode", "hot_standby=off")
	notYet(t, asked, "", "(SQLSTATE 57P03)")
	notYet(t, login, "", "(SQLSTATE 57P03)")
	stop()
	if err := os.Remove(standby); err != nil {
		t.Fatal(err)
	}

	stop = c.start(t, "database system is ready to accept connections")
	for _, mode := range []string{"", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"} {
		met(t, probe.Postgres(c.server("", mode)), "accepts connections (it asks for a password; none was given)")
		met(t, probe.Postgres(c.server("nobody-of-this-name", mode)), "accepts connections (it asks for a password; none was given)")
	}
	for line := range strings.Lines(stop()) {
		if !strings.Contains(line, "LOG:") || strings.Contains(line, "startup packet") || strings.Contains(line, "could not") {
			t.Errorf("a probe without a password left in the server's log: %s", line)
		}
	}

	stop = c.start(t, "database system is ready to accept connections")
	t.Run("login", c.testLogin)
	t.Run("encryption", c.testEncryption)
	if log := stop(); strings.Contains(log, rightPassword) {
		t.Errorf("the password is in the server's log:\n%s", log)
	}
}

func (c cluster) testLogin(t *testing.T) {
	met(t, probe.Postgres(with(c.server("", ""), rightPassword)), "ready for queries")
	err := notYet(t, probe.Postgres(with(c.server("", ""), "hush-wrong")), "", "the login of postgres is refused, as long as")
	if !strings.HasSuffix(err.Error(), `password authentication failed for user "postgres" (SQLSTATE 28P01)`) || strings.Contains(err.Error(), "hush") {
		t.Errorf("with a wrong password: %v", err)
	}
	notYet(t, probe.Postgres(with(c.server("outcast", ""), rightPassword)), "", "the login of outcast is refused")
	missing := c.server("", "")
	missing.Database = "not-yet"
	met(t, probe.Postgres(missing), "accepts connections (it asks for a password; none was given)")
	notYet(t, probe.Postgres(with(missing, rightPassword)), "", `database "not-yet" does not exist (SQLSTATE 3D000)`)
	met(t, probe.Postgres(c.server("anyone", "")), `accepts connections (it says: FATAL: role "anyone" does not exist (SQLSTATE 28000))`)
	if detail, err := probe.Postgres(c.server("outcast", "")).Probe(t.Context()); err != nil || !strings.Contains(detail, "pg_hba.conf rejects connection") {
		t.Errorf("refused by pg_hba.conf: %q, %v", detail, err)
	}
}

func (c cluster) testEncryption(t *testing.T) {
	for _, mode := range []string{"require", "verify-ca", "verify-full"} {
		met(t, probe.Postgres(with(c.server("", mode), rightPassword)), "ready for queries")
		foreign := with(c.server("", mode), rightPassword)
		foreign.RootCert = filepath.Join(t.TempDir(), "ca.crt")
		if detail, err := probe.Postgres(foreign).Probe(t.Context()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s without its file: %q, %v", mode, detail, err)
		}
		c.write(t, foreign.RootCert, authority(t).pem)
		notYet(t, probe.Postgres(foreign), "TLS", "certificate signed by unknown authority")
	}
	other := with(c.server("", "verify-full"), rightPassword)
	other.Host = c.other
	err := notYet(t, probe.Postgres(other), "TLS", c.other)
	if cure := diagnose.Explain(err, diagnose.Where{Address: c.other}); !strings.Contains(cure, "is not for "+c.other) {
		t.Errorf("the cure of %v is %q", err, cure)
	}
	other.SSLMode = "verify-ca"
	met(t, probe.Postgres(other), "ready for queries")
	notYet(t, probe.Postgres(with(c.server("tls", "disable"), rightPassword)), "", "the login of tls is refused")
}
