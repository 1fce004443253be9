package fetch

import (
	"errors"
	"net/http"
	"time"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/tazlab/seed/internal/failure"
)

// answerOf is the status of the answer that err is, and how long the server asks to wait; 0 for what is none. Of a
// registry's answer no header is left.
func answerOf(err error) (status int, wait time.Duration) {
	if answer, ok := errors.AsType[*githttp.Err](err); ok {
		return answer.Response.StatusCode, failure.RetryAfter(answer.Response.Header)
	}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		return answer.StatusCode, 0
	}
	if answer, ok := errors.AsType[*apiError](err); ok {
		return answer.status, answer.wait
	}
	return 0, 0
}

// troubled is the cure of an answer that is likely to be another one later.
func troubled(status int, wait time.Duration) string {
	const stays = "; if this stays, see what else asks with this credential or from this address (many servers allow more to who logs in)"
	switch {
	case status == http.StatusTooManyRequests && wait > 0:
		return "the server limits how often it is asked: seed comes back by itself after the " + wait.Round(time.Second).String() + " that it asks for" + stays
	case status == http.StatusTooManyRequests:
		return "the server limits how often it is asked: seed comes back by itself" + stays
	case status >= http.StatusInternalServerError:
		return "the server is in trouble, or a proxy in front of it: look at its log or status page; seed tries again by itself"
	case status >= http.StatusBadRequest:
		return "check spec.url, and look at the server's log"
	}
	return ""
}
