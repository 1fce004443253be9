package infisical

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/failure"
)

// Error is an answer of the vault that is not a success.
type Error struct {
	// Doing is what was asked for, for example `reading the secret "GITHUB_TOKEN"`.
	Doing string
	// Status is the HTTP status code.
	Status int
	// Message is the vault's own explanation.
	Message string

	kind  string // the vault's name for the error, for example TokenError
	login string // the auth method, where a login was refused
	jwt   claims // of the token that was sent with JWT Auth
	given bool   // the token was made by no login
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: the vault answered %d %s: %s%s", e.Doing, e.Status, http.StatusText(e.Status), e.Message, e.hint())
}

// hint is the next thing to do about the status.
func (e *Error) hint() string {
	if hint := e.jwt.hint(e.Status, e.Message); e.login == jwtAuth && hint != "" {
		return " (" + hint + ")"
	}
	if hint := loginHints[e.login][e.Status]; hint != "" {
		return " (" + hint + ")"
	}
	switch {
	case e.login != "" && e.Status == http.StatusUnprocessableEntity:
		return " (check the field that the vault names, in the store's auth block and the Secret that it names; else a newer Infisical may want another login than seed's)"
	case IsExpired(e) && e.given:
		return " (put a new access token into the Secret that tokenAuthCredentials names)"
	case IsExpired(e):
		return " (the vault does not take the access token it gave: check its lifetime, use limit and trusted IPs in Infisical)"
	}
	return statusHint(e.Status)
}

var loginHints = map[string]map[int]string{
	universalAuth: {
		http.StatusUnauthorized: "check the machine identity's client ID and secret, its lock-out and its use limit in Infisical",
		http.StatusForbidden:    "check the trusted IPs of the client secret in Infisical",
		http.StatusNotFound:     "check hostAPI, and that the machine identity has Universal Auth",
	},
	"kubernetes-auth": {
		http.StatusUnauthorized: "check the identity's Kubernetes Auth in Infisical: allowed namespaces, names and audience, token reviewer",
		http.StatusForbidden:    "check the identity's Kubernetes Auth in Infisical: allowed namespaces, names and audience, token reviewer",
		http.StatusNotFound:     "check hostAPI and identityId, and that the machine identity has Kubernetes Auth",
	},
	jwtAuth: {
		http.StatusUnauthorized: "check the identity's JWT Auth in Infisical: public keys, subject, claims; and that the token has not expired",
		http.StatusForbidden:    "check the identity's JWT Auth in Infisical: bound issuer and bound subject",
		http.StatusNotFound:     "check hostAPI and identityId, and that the machine identity has JWT Auth",
	},
}

func statusHint(status int) string {
	switch {
	case status/100 == 3:
		return " (seed follows no redirect: set hostAPI to the address that answers)"
	case status == http.StatusForbidden:
		return " (give the machine identity read access to this project, environment and path in Infisical)"
	case status == http.StatusNotFound:
		return " (check hostAPI, projectSlug, environmentSlug, secretsPath and the key)"
	case status == http.StatusUnprocessableEntity:
		return " (check the field that the vault names: projectSlug, environmentSlug and secretsPath of the store, and the key; else a newer Infisical may want other parameters than seed sends)"
	case status == http.StatusTooManyRequests:
		return " (seed comes back by itself; if this stays, see what else asks this vault from the node's address, or raise its rate limits)"
	case status == http.StatusProxyAuthRequired:
		return " (a proxy wants credentials: put them into HTTPS_PROXY, or the vault's name into NO_PROXY)"
	case status >= http.StatusInternalServerError:
		return " (look at the log of the vault, and of any proxy in front of it)"
	}
	return ""
}

// lockOut is how long seed leaves an identity alone after a refused login with Universal Auth. Three bad ones lock it for
// five minutes, for everybody who uses it; other refusals do no harm.
const lockOut = 10 * time.Minute

// maxMessage bounds what of the vault's explanation an error shows, in bytes.
const maxMessage = 500

// refusal makes an Error of an answer; what a second try cannot cure (a redirect, and any 4xx but 408 and
// 429) is failure.Blocked, and what says how long to wait is marked with failure.After.
func (s *Session) refusal(r request, response *http.Response, data []byte) error {
	var answer struct {
		Message json.RawMessage `json:"message"` // a text, or an array of issues with status 422
		Kind    string          `json:"error"`
	}
	message := "no explanation"
	if isHTML(response, data) {
		message = "a page of HTML, which is not Infisical's API: check hostAPI and any proxy in front of it"
	} else if json.Unmarshal(data, &answer) == nil && len(answer.Message) > 0 {
		message = explanation(answer.Message)
	}
	if to, err := url.Parse(response.Header.Get("Location")); response.StatusCode/100 == 3 && err == nil && to.Host != "" {
		message = "a redirect to " + to.Host
	}
	message = s.redact(r, message)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + " ..."
	}
	err := &Error{
		Doing: r.doing, Status: response.StatusCode, Message: message,
		kind: answer.Kind, login: r.login, jwt: r.jwt, given: s.given,
	}
	if r.login == universalAuth && (err.Status == http.StatusUnauthorized || err.Status == http.StatusForbidden) {
		return failure.After(failure.Blocked(err), lockOut)
	}
	if err.Status < http.StatusInternalServerError && err.Status != http.StatusTooManyRequests && err.Status != http.StatusRequestTimeout {
		return failure.Blocked(err)
	}
	if wait := retryAfter(response.Header, message); wait > 0 {
		return failure.After(err, wait)
	}
	return err
}

// explanation is the vault's message as a text: it is one already, or the issues that its validation found.
func explanation(message json.RawMessage) string {
	var text string
	if json.Unmarshal(message, &text) == nil {
		return text
	}
	var issues []struct {
		Path    []any  `json:"path"`
		Message string `json:"message"`
	}
	if json.Unmarshal(message, &issues) != nil || len(issues) == 0 {
		return string(message)
	}
	var found []string
	for _, issue := range issues {
		var path []string
		for _, step := range issue.Path {
			path = append(path, fmt.Sprint(step))
		}
		found = append(found, fmt.Sprintf("%q: %s", strings.Join(path, "."), issue.Message))
	}
	return strings.Join(found, "; ")
}

// minRedacted is the length from which on a value is taken out of a text, in bytes: a shorter one is no
// credential of Infisical's, and may be a part of any word.
const minRedacted = 8

// redact takes out of a text what was sent as a secret, should the vault repeat it.
func (s *Session) redact(r request, text string) string {
	for _, value := range append(slices.Collect(maps.Values(r.body)), s.token) {
		if len(value.Reveal()) >= minRedacted {
			text = strings.ReplaceAll(text, value.Reveal(), value.String())
		}
	}
	return text
}

// tryAgain is how Infisical words a rate limit: "Rate limit exceeded. Please try again in 7 seconds".
var tryAgain = regexp.MustCompile(`try again in (\d{1,6}) second`)

// retryAfter is how long the answer asks to wait: the longer of its header Retry-After and its message.
func retryAfter(header http.Header, message string) time.Duration {
	wait := failure.RetryAfter(header)
	if found := tryAgain.FindStringSubmatch(message); found != nil {
		seconds, _ := strconv.Atoi(found[1]) // digits only
		wait = max(wait, time.Duration(seconds)*time.Second)
	}
	return min(wait, longestWait)
}
