package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tazlab/seed/castle/internal/pki"
)

// Service is an HTTP server beside the node, served by the supervisor. The node DNS knows it as NAME.castle.internal.
type Service struct {
	Name    string
	Addr    string // for example 10.99.0.2:443
	Handler http.Handler
	TLS     bool // with a certificate of the castle CA for NAME.castle.internal and the address
}

// serve begins to serve; requests are answered from its return on.
func serve(ctx context.Context, dir string, s Service) error {
	logFile, err := os.OpenFile(Logs(dir, s.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", s.Name, err)
	}
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", s.Name, err)
	}
	server := &http.Server{Handler: s.Handler, ErrorLog: log.New(logFile, "", log.LstdFlags), ReadHeaderTimeout: 10 * time.Second}
	run := server.Serve
	if s.TLS {
		if server.TLSConfig, err = serverTLS(dir, s); err != nil {
			return err
		}
		run = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := run(listener); !errors.Is(err, http.ErrServerClosed) {
			server.ErrorLog.Printf("serve: %v", err)
		}
	}()
	return nil
}

func serverTLS(dir string, s Service) (*tls.Config, error) {
	cert, err := os.ReadFile(CAFile(dir))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(pkiPath(dir, "castle-ca.key"))
	if err != nil {
		return nil, err
	}
	ca, err := pki.LoadCA(pki.Pair{Cert: cert, Key: key})
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, fmt.Errorf("address of %s: %w", s.Name, err)
	}
	pair, err := ca.Issue(pki.Request{
		CommonName: s.Name, DNSNames: []string{s.Name + "." + Domain, "localhost"}, IPs: []net.IP{ip(host), ip("127.0.0.1")}, Server: true,
	})
	if err != nil {
		return nil, err
	}
	loaded, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, fmt.Errorf("load the certificate of %s: %w", s.Name, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{loaded}, MinVersion: tls.VersionTLS12}, nil
}
