package faults

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// serve answers a request of next with the fault.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if f.Hold != nil && !f.hold(r) {
		panic(http.ErrAbortHandler) // the client is gone: there is nobody to answer
	}
	if f.Reset {
		if err := reset(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		panic(http.ErrAbortHandler)
	}
	cut := &cutWriter{ResponseWriter: w, left: f.Cut}
	if f.Cut > 0 {
		w = cut
	}
	if f.Status != 0 {
		f.answer(w)
	} else {
		next.ServeHTTP(w, r)
	}
	if cut.done {
		panic(http.ErrAbortHandler) // net/http's way to break off an answer
	}
}

// hold reports whether the answer may go on: it may not when the client has gone. The server sees that only once the
// request's body is read, and who answers later still needs the body.
func (f Fault) hold(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	select {
	case <-f.Hold:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (f Fault) answer(w http.ResponseWriter) {
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(f.Status)
	// The client may be gone; there is nobody to tell.
	_, _ = io.WriteString(w, f.Body)
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// ConnContext is for http.Server.ConnContext: it lets Fault.Reset find the connection, also under HTTP/2.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// reset closes the connection of a request so that the kernel sends RST in place of FIN.
func reset(ctx context.Context) error {
	conn, ok := ctx.Value(connKey{}).(net.Conn)
	if !ok {
		return errors.New("resetting a connection: the http.Server lacks faults.ConnContext")
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("resetting a connection: a %T has no RST", conn)
	}
	if err := tcp.SetLinger(0); err != nil { // what makes the kernel send RST
		return fmt.Errorf("resetting a connection: %w", err)
	}
	return tcp.Close()
}

// cutWriter lets left bytes through.
type cutWriter struct {
	http.ResponseWriter
	left int
	done bool // something was held back
}

// Unwrap is for http.ResponseController.
func (c *cutWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Write implements io.Writer. What is let through is sent at once: net/http throws away what it holds back when a
// handler breaks off.
func (c *cutWriter) Write(data []byte) (int, error) {
	if len(data) <= c.left {
		c.left -= len(data)
		return c.ResponseWriter.Write(data)
	}
	c.done = true
	n, err := c.ResponseWriter.Write(data[:c.left])
	c.left = 0
	return n, errors.Join(err, http.NewResponseController(c.ResponseWriter).Flush(), io.ErrShortWrite)
}
