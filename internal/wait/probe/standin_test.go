package probe_test

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/wait/probe"
)

// standIn speaks a server's first words of PostgreSQL's protocol; postgres_real_test.go asks the same of the real one.
type standIn struct {
	address net.Addr
	// heard is what each session said: its parameters and every later message.
	heard chan session
}

type session struct {
	parameters map[string]string
	messages   []pgproto3.FrontendMessage
}

// stand starts a stand-in. It gives each session the answers, and then listens until the other side hangs up. With pair
// it takes TLS.
func stand(t *testing.T, pair *tls.Certificate, answers ...pgproto3.BackendMessage) standIn {
	t.Helper()
	listener := listen(t)
	s := standIn{listener.Addr(), make(chan session, 10)}
	go func() {
		for connection, err := listener.Accept(); err == nil; connection, err = listener.Accept() {
			s.talk(connection, pair, answers)
		}
	}()
	return s
}

func (s standIn) talk(connection net.Conn, pair *tls.Certificate, answers []pgproto3.BackendMessage) {
	defer func() { connection.Close() }()
	backend := pgproto3.NewBackend(connection, connection)
	startup, err := backend.ReceiveStartupMessage()
	if _, ok := startup.(*pgproto3.SSLRequest); ok && err == nil {
		if pair == nil {
			_, _ = connection.Write([]byte{'N'})
		} else {
			_, _ = connection.Write([]byte{'S'})
			connection = tls.Server(connection, &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12})
		}
		backend = pgproto3.NewBackend(connection, connection)
		startup, err = backend.ReceiveStartupMessage()
	}
	begin, ok := startup.(*pgproto3.StartupMessage)
	if err != nil || !ok {
		return
	}
	heard := session{parameters: maps.Clone(begin.Parameters)}
	for _, answer := range answers {
		if auth, ok := answer.(pgproto3.AuthenticationResponseMessage); ok && backend.SetAuthType(authType(auth)) != nil {
			return
		}
		backend.Send(answer)
	}
	if backend.Flush() != nil {
		return
	}
	for {
		message, err := backend.Receive()
		if err != nil {
			s.heard <- heard
			return
		}
		heard.messages = append(heard.messages, message)
	}
}

func authType(message pgproto3.AuthenticationResponseMessage) uint32 {
	switch message.(type) {
	case *pgproto3.AuthenticationCleartextPassword:
		return pgproto3.AuthTypeCleartextPassword
	case *pgproto3.AuthenticationSASL:
		return pgproto3.AuthTypeSASL
	}
	return pgproto3.AuthTypeOk
}

// hear is what the next session said. Sessions come one after the other, in the order of their connections.
func (s standIn) hear(t *testing.T) session {
	t.Helper()
	select {
	case heard := <-s.heard:
		return heard
	case <-time.After(30 * time.Second):
		t.Fatal("there was no session")
		return session{}
	}
}

func (s standIn) server() probe.Server {
	return probe.Server{Host: "127.0.0.1", Port: uint16(s.address.(*net.TCPAddr).Port)}
}

func with(server probe.Server, password string) probe.Server {
	server.Password = func(context.Context) (secret.String, error) { return secret.New(password), nil }
	return server
}

func says(severity, code, message string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: severity, Code: code, Message: message}
}

var ready = []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}, &pgproto3.ReadyForQuery{TxStatus: 'I'}}
