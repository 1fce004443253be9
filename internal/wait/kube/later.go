package kube

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// later is an answer that says when to ask again.
type later struct {
	status int
	after  time.Duration
}

// Error implements error.
func (l later) Error() string {
	return fmt.Sprintf("%d %s: it asks for a pause of %s", l.status, http.StatusText(l.status), l.after)
}

// patient makes errors of such answers. Else client-go would wait on its own, in silence, and for no longer than one
// request may take.
type patient struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := p.RoundTripper.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode < http.StatusInternalServerError {
		return answer, err
	}
	seconds, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return answer, nil //nolint:nilerr // it does not say when
	}
	_ = answer.Body.Close()
	return nil, later{answer.StatusCode, time.Duration(seconds) * time.Second}
}
