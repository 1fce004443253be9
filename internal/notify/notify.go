// Package notify tells notification-controller how a birth went, which passes it on to a chat.
package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Event is what is told about a Kustomization. Alerts choose by its namespace, name and severity.
type Event struct {
	Kustomization types.NamespacedName
	// Revision is that of the source; it may be empty.
	Revision string
	// Reason is CamelCase, Message for people and without a secret.
	Reason, Message string
	// Failed makes it an error: Alerts with eventSeverity "error" take nothing else.
	Failed bool
}

const (
	// within is the time for all tries together: whoever waits for the end of the birth waits that long at most.
	within = 15 * time.Second
	once   = 5 * time.Second // one try
	tries  = 3
	pause  = time.Second // between them
	// maxMessage is the Event API's limit, in characters.
	maxMessage = 39000
)

// Send posts e to the receiver of events at address, in 15 seconds or less. An address of the form NAME.NAMESPACE.svc is
// looked up in the cluster. An error is no reason to stop: somebody is not told.
func Send(ctx context.Context, cluster client.Reader, address Address, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	u, err := url.Parse(string(address))
	if err != nil {
		return fmt.Errorf("the address of notification-controller: %w", err)
	}
	body, err := json.Marshal(e.flux())
	if err != nil {
		return fmt.Errorf("writing the event for notification-controller: %w", err)
	}
	for try := 1; ; try++ {
		again, err := post(ctx, cluster, u, body)
		if err == nil || !again || try == tries {
			return explain(u, err)
		}
		select {
		case <-ctx.Done():
			return explain(u, err)
		case <-time.After(pause):
		}
	}
}

func explain(u *url.URL, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("telling notification-controller at %s how the birth went: %w", u, err)
}

// flux is e as Flux's controllers send it. notification-controller keeps of the metadata what begins with the object's
// group (internal/server/event_server.go, cleanupMetadata).
func (e Event) flux() eventv1.Event {
	event := eventv1.Event{
		InvolvedObject: corev1.ObjectReference{
			APIVersion: kustomizev1.GroupVersion.String(), Kind: kustomizev1.KustomizationKind, Namespace: e.Kustomization.Namespace, Name: e.Kustomization.Name,
		},
		Severity: eventv1.EventSeverityInfo, Timestamp: metav1.Now(), Reason: e.Reason, Message: e.Message, ReportingController: "seed",
	}
	if e.Failed {
		event.Severity = eventv1.EventSeverityError
	}
	if runes := []rune(e.Message); len(runes) > maxMessage {
		event.Message = string(runes[:maxMessage-3]) + "..."
	}
	if e.Revision != "" {
		event.Metadata = map[string]string{kustomizev1.GroupVersion.Group + "/" + eventv1.MetaRevisionKey: e.Revision}
	}
	return event
}

// post is one try. again tells whether another one may help, as it does where Flux's controllers try again: nobody answers, or
// the receiver has a trouble of its own.
func post(ctx context.Context, cluster client.Reader, u *url.URL, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, once)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	if key, ok := service(u.Hostname()); ok {
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		at, err := dial(ctx, cluster, key, port)
		if err != nil {
			return true, err
		}
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	browser := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // explain names the address
		}
		return true, fmt.Errorf("%w (does a NetworkPolicy keep seed out, which is in the host's network? Flux's own lets its namespace in alone)", err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	switch code := response.StatusCode; {
	case code < http.StatusMultipleChoices:
		return false, nil
	case code == http.StatusTooManyRequests: // it was told the same within its --rate-limit-interval, by another Pod of this birth
		return false, nil
	default:
		return code >= http.StatusInternalServerError, fmt.Errorf("it answered %s", response.Status)
	}
}
