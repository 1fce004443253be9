package failure

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter is how long an answer's header Retry-After asks to wait; 0 if it does not ask.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func RetryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// streamError is what errors.As can make of net/http's own error of an HTTP/2 stream, which is not exported:
// that fills in any struct with the same fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "an HTTP/2 stream ended" }

// endedHTTP2 tells whether the server, or who is in between, ended an HTTP/2 stream or its connection.
func endedHTTP2(err error) bool {
	if _, ok := errors.AsType[streamError](err); ok {
		return true
	}
	// The other errors of net/http's HTTP/2 are not exported, and nothing is made of them but their text.
	text := err.Error()
	return strings.Contains(text, "http2: server sent GOAWAY") || strings.Contains(text, "http2: client connection lost") ||
		strings.Contains(text, "http2: Transport received Server's graceful shutdown GOAWAY")
}
