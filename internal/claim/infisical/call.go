package infisical

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

const (
	// tryTimeout bounds one try; a vault that is up answers in well under a second.
	tryTimeout = 15 * time.Second
	// maxAnswer bounds an answer in bytes: eight times what a Kubernetes Secret can hold, since a list has
	// the values among much else.
	maxAnswer = 8 << 20
)

// request is one call.
type request struct {
	doing        string // begins the errors
	method, path string
	body         map[string]secret.String // sent as JSON; nil sends none
	login        string                   // the auth method, if this is a login
	jwt          claims                   // of the token that a login with JWT Auth sends
	once         bool                     // is sent again only where the vault has not taken it
}

// send makes one try, within limit, and decodes the answer into out, which may be nil.
func (s *Session) send(ctx context.Context, limit time.Duration, r request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	message, err := s.message(ctx, r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.doing, err)
	}
	response, err := s.http.Do(message)
	if err != nil {
		return lost(r, withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return lost(r, fmt.Errorf("reading the answer: %w", err))
	case len(data) > maxAnswer:
		return failure.Blocked(fmt.Errorf("%s: the answer is larger than %d MiB: keep what seed needs in a folder of its own", r.doing, maxAnswer>>20))
	case response.StatusCode != http.StatusOK:
		return s.refusal(r, response, data)
	case out == nil:
		return nil
	}
	return decode(r, response, data, out)
}

// message makes the HTTP request.
func (s *Session) message(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		revealed := map[string]string{}
		for key, value := range r.body {
			revealed[key] = value.Reveal()
		}
		data, err := json.Marshal(revealed)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	message, err := http.NewRequestWithContext(ctx, r.method, s.api+r.path, body)
	if err != nil {
		return nil, errors.New("hostAPI makes no valid URL") // the error of net/url shows all of it
	}
	if r.body != nil {
		message.Header.Set("Content-Type", "application/json")
	}
	message.Header.Set("Accept", "application/json")
	message.Header.Set("User-Agent", "seed") // for the vault's audit log
	if !s.token.Empty() {
		message.Header.Set("Authorization", "Bearer "+s.token.Reveal())
	}
	return message, nil
}

// decode reads an answer of status 200. The decoder's own errors are not shown: they may quote the answer.
func decode(r request, response *http.Response, data []byte, out any) error {
	if isHTML(response, data) {
		return failure.Blocked(fmt.Errorf("%s: the answer is a page of HTML, which is not Infisical's API: check hostAPI and any proxy in front of it", r.doing))
	}
	err := json.NewDecoder(bytes.NewReader(data)).Decode(out)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return lost(r, fmt.Errorf("reading the answer: %w", io.ErrUnexpectedEOF))
	}
	if err != nil {
		return failure.Blocked(fmt.Errorf("%s: the answer is not the JSON of Infisical's API: check that hostAPI names an Infisical server", r.doing))
	}
	return nil
}

func isHTML(response *http.Response, data []byte) bool {
	return strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || bytes.HasPrefix(bytes.TrimSpace(data), []byte("<"))
}

// places are where a user changes what the calls use.
var places = failure.Settings{
	CA:    "the store's caBundle or caProvider, or into the file that --ca-file names",
	Proxy: "HTTPS_PROXY, or put the vault's name into NO_PROXY",
}

// lost is the error of a call without an answer: with the class of the network error and the next step.
func lost(r request, err error) error {
	if hint := failure.Network(err, places); hint != "" {
		return fmt.Errorf("%s: %w (%s)", r.doing, err, hint)
	}
	return fmt.Errorf("%s: %w", r.doing, err)
}

// withoutURL drops the URL that net/http puts into its errors: doing has named the call, and a URL is no
// place to look for secrets.
func withoutURL(err error) error {
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		return urlErr.Err
	}
	return err
}
