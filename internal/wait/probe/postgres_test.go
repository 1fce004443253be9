package probe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/wait/probe"
)

func TestPostgresTakesEveryAnswerButNotNow(t *testing.T) {
	t.Parallel()
	pair, err := tls.X509KeyPair(authority(t).issue(t, "127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	const asks = "accepts connections (it asks for a password; none was given)"
	for _, test := range []struct {
		detail  string
		answers []pgproto3.BackendMessage
	}{
		{"accepts connections", ready},
		{asks, []pgproto3.BackendMessage{&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}}}},
		{asks, []pgproto3.BackendMessage{&pgproto3.AuthenticationCleartextPassword{}}},
		{"accepts connections (it says: FATAL: sorry, too many clients already (SQLSTATE 53300))",
			[]pgproto3.BackendMessage{says("FATAL", "53300", "sorry, too many clients already")}},
	} {
		for _, pair := range []*tls.Certificate{nil, &pair} {
			s := stand(t, pair, test.answers...)
			second := s.server()
			second.User = "second"
			met(t, probe.Postgres(s.server()), test.detail)
			met(t, probe.Postgres(second), test.detail)
			for _, user := range []string{"postgres", "second"} { // and so one session for one question
				heard := s.hear(t)
				if want := map[string]string{"user": user, "application_name": "waitfor"}; !maps.Equal(heard.parameters, want) {
					t.Errorf("%s: the session began with %v, want %v", test.detail, heard.parameters, want)
				}
				if slices.ContainsFunc(heard.messages, isProof) {
					t.Errorf("%s: something was sent for a password: %v", test.detail, heard.messages)
				}
			}
		}
	}
	starting := stand(t, nil, says("FATAL", "57P03", "the database system is starting up"))
	notYet(t, probe.Postgres(starting.server()), "", "FATAL: the database system is starting up (SQLSTATE 57P03)")
}

func isProof(message pgproto3.FrontendMessage) bool {
	_, end := message.(*pgproto3.Terminate)
	return !end
}

func TestPostgresWantsPostgreSQL(t *testing.T) {
	t.Parallel()
	away := listen(t)
	away.Close()
	notYet(t, probe.Postgres(standIn{address: away.Addr()}.server()), "refused", "dial tcp "+away.Addr().String())
	for _, test := range []struct{ mode, greeting, class, says string }{
		{"prefer", "HTTP/1.1 400 Bad Request\r\n\r\n", "", "server refused TLS connection"},
		{"disable", "HTTP/1.1 400 Bad Request\r\n\r\n", "", "invalid body length"},
		{"disable", "E\x00\x00\x00\x05\x00", "", "SQLSTATE )"}, // an error that says nothing
		{"disable", "S\x00\x00\x00\x0bmail\x00x\x00", "cut", "unexpected EOF"},
		{"require", "S HTTP/1.1", "TLS", "first record does not look like a TLS handshake"},
		{"require", "N", "", "server refused TLS connection"},
		{"require", "", "cut", "EOF"},
	} {
		listener := listen(t)
		go func() {
			for connection, err := listener.Accept(); err == nil; connection, err = listener.Accept() {
				_, _ = connection.Read(make([]byte, 8))
				_, _ = connection.Write([]byte(test.greeting))
				_ = connection.(*net.TCPConn).CloseWrite()
				t.Cleanup(func() { connection.Close() })
			}
		}()
		server := standIn{address: listener.Addr()}.server()
		server.SSLMode = test.mode
		err := notYet(t, probe.Postgres(server), test.class, test.says)
		if _, leak := errors.AsType[*pgconn.ConnectError](err); leak {
			t.Errorf("%v holds the configuration, and so the password", err)
		}
	}
}

func TestPostgresLogsIn(t *testing.T) {
	t.Parallel()
	const password = "hush-hush"
	s := stand(t, nil, append([]pgproto3.BackendMessage{&pgproto3.AuthenticationCleartextPassword{}}, ready...)...)
	server := with(s.server(), password)
	server.User, server.Database = "o'app", `d\b`
	met(t, probe.Postgres(server), "ready for queries")
	heard := s.hear(t)
	if heard.parameters["user"] != "o'app" || heard.parameters["database"] != `d\b` {
		t.Errorf("the session began with %v", heard.parameters)
	}
	if len(heard.messages) != 2 || heard.messages[0].(*pgproto3.PasswordMessage).Password != password || isProof(heard.messages[1]) {
		t.Errorf("the session said %v, want the password and Terminate", heard.messages)
	}

	for code, want := range map[string]string{
		"28P01": "the login of postgres is refused, as long as its password is not set or is another: FATAL: no", "28000": "the login of postgres is refused",
		"57P03": "FATAL: no", "3D000": "FATAL: no",
	} {
		s := stand(t, nil, says("FATAL", code, "no"))
		err := notYet(t, probe.Postgres(with(s.server(), password)), "", want)
		if strings.Contains(err.Error(), password) || !strings.HasSuffix(err.Error(), "(SQLSTATE "+code+")") {
			t.Errorf("the error is %q", err)
		}
	}
	notYet(t, probe.Postgres(with(s.server(), "")), "", "the password: it is still empty")
	server.Password = func(context.Context) (secret.String, error) { return secret.String{}, fs.ErrNotExist }
	if err := notYet(t, probe.Postgres(server), "", "reading the password: "); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a password file: %v", err)
	}
}

func TestPostgresEncryptsAsSSLModeSays(t *testing.T) {
	t.Parallel()
	ours := authority(t)
	pair, err := tls.X509KeyPair(ours.issue(t, "127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), `it's a \ name`)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	file, other, broken := filepath.Join(folder, "ca.crt"), filepath.Join(folder, "other.crt"), filepath.Join(folder, "broken.crt")
	for name, content := range map[string][]byte{file: ours.pem, other: authority(t).pem, broken: []byte("no certificate")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	encrypted, plain := stand(t, &pair, ready...), stand(t, nil, ready...)
	server := func(s standIn, mode, root string) probe.Probe {
		wanted := s.server()
		wanted.SSLMode, wanted.RootCert = mode, root
		return probe.Postgres(wanted)
	}
	for _, mode := range []string{"", "disable", "allow", "prefer"} {
		met(t, server(plain, mode, ""), "accepts connections")
		met(t, server(encrypted, mode, ""), "accepts connections")
	}
	for _, mode := range []string{"require", "verify-ca", "verify-full"} {
		met(t, server(encrypted, mode, file), "accepts connections")
		notYet(t, server(plain, mode, file), "", "server refused TLS connection")
		notYet(t, server(encrypted, mode, other), "TLS", "certificate signed by unknown authority")
		notYet(t, server(encrypted, mode, filepath.Join(folder, "later.crt")), "", "later.crt: no such file")
		never(t, server(encrypted, mode, broken), "no certificate in PEM")
	}
	met(t, server(encrypted, "require", ""), "accepts connections")
	for _, root := range []string{"", "system"} {
		notYet(t, server(encrypted, "verify-full", root), "TLS", "certificate signed by unknown authority")
	}
	never(t, server(plain, "perhaps", ""), "sslmode=perhaps: it must be one of disable allow")
}

func TestPostgresNeedsAHost(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "a,b", "/var/run/postgresql", "a\x00b"} {
		never(t, probe.Postgres(probe.Server{Host: host}), "neither a name nor an address")
	}
}

// The variables of libpq and the files in the home folder say nothing about what a Pod waits for.
func TestPostgresDoesNotReadTheEnvironment(t *testing.T) {
	home := t.TempDir()
	for name, content := range map[string]string{
		".pgpass": "*:*:*:*:hush\n", ".pg_service.conf": "[mine]\nhost=db.invalid\n", "root.crt": "broken", "postgresql.crt": "broken", "postgresql.key": "broken",
	} {
		path := filepath.Join(home, ".postgresql", name)
		if name[0] == '.' {
			path = filepath.Join(home, name)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	for name, value := range map[string]string{
		"PGHOST": "db.invalid", "PGPORT": "1", "PGDATABASE": "theirs", "PGUSER": "them", "PGPASSWORD": "hush", "PGPASSFILE": filepath.Join(home, ".pgpass"),
		"PGAPPNAME": "theirs", "PGCONNECT_TIMEOUT": "soon", "PGSSLMODE": "verify-full", "PGSSLKEY": "theirs", "PGSSLCERT": "theirs", "PGSSLSNI": "0",
		"PGSSLROOTCERT": "theirs", "PGSSLPASSWORD": "hush", "PGSSLNEGOTIATION": "direct", "PGTARGETSESSIONATTRS": "standby", "PGSERVICE": "mine",
		"PGSERVICEFILE": filepath.Join(home, ".pg_service.conf"), "PGTZ": "theirs", "PGOPTIONS": "theirs", "PGMINPROTOCOLVERSION": "3.2",
		"PGMAXPROTOCOLVERSION": "9", "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "gss",
	} {
		t.Setenv(name, value)
	}
	asking := []pgproto3.BackendMessage{&pgproto3.AuthenticationCleartextPassword{}}
	for _, test := range []struct {
		password string
		detail   string
	}{{"", "accepts connections (it asks for a password; none was given)"}, {"ours", "ready for queries"}} {
		s := stand(t, nil, asking...)
		server := s.server()
		if test.password != "" {
			s = stand(t, nil, append(asking, ready...)...)
			server = with(s.server(), test.password)
		}
		t.Setenv("PGSERVICE", "mine")
		met(t, probe.Postgres(server), test.detail)
		heard := s.hear(t)
		if want := map[string]string{"user": "postgres", "application_name": "waitfor"}; !maps.Equal(heard.parameters, want) {
			t.Errorf("the session began with %v, want %v", heard.parameters, want)
		}
		for _, message := range heard.messages {
			if sent, ok := message.(*pgproto3.PasswordMessage); ok && sent.Password != test.password {
				t.Errorf("the password %q was sent, want %q", sent.Password, test.password)
			}
		}
	}
}
