package diagnose_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tazlab/seed/internal/wait/diagnose"
	"github.com/tazlab/seed/test/loopback"
)

func TestExplainOfRealErrors(t *testing.T) {
	t.Parallel()
	const name = "db.apps.invalid."
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	half := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "half")
	})
	asks := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	unwilling := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	away, nobody := loopback.Address(), muted(t)
	choosy := encrypted(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	trusting := choosy.Client().Transport.(*http.Transport)

	target := diagnose.Where{Address: "db.apps:5432", CAFile: "/ca/ca.crt", Proxy: "http://proxy:3128"}
	for title, test := range map[string]struct {
		err         error
		class, want string
	}{
		"refused":                {dial(t, ever, nil, away), "refused", "nobody listens at db.apps:5432"},
		"no answer to the call":  {dial(t, soon, nil, full(t)), "timeout", "a NetworkPolicy may let this Pod send nothing there: allow it with egress: [{ports: [{port: 5432}]}]"},
		"no answer":              {unanswered(t, "http://"), "timeout", "gave no answer in time"},
		"no handshake":           {unanswered(t, "https://"), "timeout", "gave no answer in time"},
		"no such name":           {dial(t, ever, nameServer(t, 3), name+":1"), "DNS", "the name " + name + " does not exist"},
		"no address":             {dial(t, ever, nameServer(t, 0), name+":1"), "DNS", "the name " + name + " does not exist, or has no address yet"},
		"name server in trouble": {dial(t, ever, nameServer(t, 2), name+":1"), "DNS", "could not say whether " + name + " exists"},
		"name server deaf":       {dial(t, soon, nameServer(t, -1), name+":1"), "DNS", "no name server answers for " + name},
		"no name server":         {dial(t, ever, asking(loopback.Address()), name+":1"), "DNS", "allow egress to port 53, UDP and TCP"},
		"unknown authority":      {certified(t, "127.0.0.1", -time.Hour, time.Hour, false), "TLS", "signed by none of the authorities in /ca/ca.crt: put the right"},
		"wrong name":             {certified(t, "other.example", -time.Hour, time.Hour, true), "TLS", "is not for 127.0.0.1"},
		"expired":                {certified(t, "127.0.0.1", -time.Hour, -time.Minute, true), "TLS", "has expired"},
		"not yet valid":          {certified(t, "127.0.0.1", time.Hour, 2*time.Hour, true), "clock", "check the clock of the node"},
		"no TLS":                 {get(t, strings.Replace(plain, "http:", "https:", 1), &http.Transport{}), "TLS", "does not speak TLS there"},
		"client certificate":     {get(t, choosy.URL, trusting), "TLS", "refused the handshake"},
		"cut":                    {get(t, half, &http.Transport{}), "cut", "ended before the answer"},
		"hung up":                {get(t, "http://"+nobody, &http.Transport{}), "cut", "ended before the answer"},
		"proxy away":             {get(t, "https://db.invalid", through(t, "http://"+away)), "proxy", "the proxy http://proxy:3128 cannot be reached"},
		"proxy unwilling":        {get(t, "https://db.invalid", through(t, unwilling)), "proxy", "gives no way to db.apps:5432 (Forbidden)"},
		"proxy asks":             {get(t, "https://db.invalid", through(t, asks)), "proxy", "wants a username and a password"},
		"no SOCKS proxy":         {get(t, "https://db.invalid", through(t, "socks5://"+nobody)), "proxy", "put db.apps into NO_PROXY"},
	} {
		wrapped := fmt.Errorf("asking: %w", test.err)
		if got := diagnose.Class(wrapped); got != test.class {
			t.Errorf("%s: Class(%v) = %q, want %q", title, test.err, got, test.class)
		}
		got := diagnose.Explain(wrapped, target)
		if !strings.HasPrefix(got, test.class+": ") || !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: Explain(%v) = %q, want ...%q...", title, test.err, got, test.want)
		}
	}
}

// Errors that no test machine can be brought to make.
func TestExplain(t *testing.T) {
	t.Parallel()
	call := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for want, errs := range map[string][]error{
		"route: the node gives this Pod no way": {call(syscall.EHOSTUNREACH), call(syscall.EPERM)},
		"route: this Pod has no route":          {call(syscall.ENETUNREACH)},
		"timeout: nothing comes back":           {call(syscall.ETIMEDOUT), call(context.DeadlineExceeded)},
		"timeout: the server gave no answer":    {context.DeadlineExceeded},
		"cut:":                                  {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, errors.New("http2: client connection lost")},
		"TLS: the certificate of the server is signed by no public authority: mount": {x509.UnknownAuthorityError{}},
		"TLS: the certificate of the server cannot be verified":                      {x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}},
	} {
		for _, err := range errs {
			if got := diagnose.Explain(err, diagnose.Where{}); !strings.HasPrefix(got, want) {
				t.Errorf("Explain(%v) = %q, want %q...", err, got, want)
			}
		}
	}
	for _, err := range []error{nil, context.Canceled, fmt.Errorf("dialling: %w", call(context.Canceled)), errors.New("something else"), syscall.EPERM} {
		if got := diagnose.Explain(err, diagnose.Where{API: true}) + diagnose.Class(err); got != "" {
			t.Errorf("Explain(%v) = %q, want nothing", err, got)
		}
	}
}

func TestExplainKnowsTheAPIServer(t *testing.T) {
	t.Parallel()
	api := diagnose.Where{API: true, Address: "10.96.0.1:443", CAFile: "/token/ca.crt"}
	refused := error(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
	if got := diagnose.Explain(refused, api); got != "refused: the API server (10.96.0.1:443) does not listen: it may be restarting" {
		t.Errorf("at first: %q", got)
	}
	api.Waited = 90 * time.Second
	for _, want := range []string{
		"may be restarting", "refused for more than 30s now", "native sidecars", "traffic.sidecar.istio.io/excludeOutboundIPRanges: 10.96.0.1/32",
		`config.linkerd.io/skip-outbound-ports: "443"`, "runAsUser 1337",
	} {
		if got := diagnose.Explain(refused, api); !strings.Contains(got, want) {
			t.Errorf("after a while: %q lacks %q", got, want)
		}
	}
	slow := &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
	if got := diagnose.Explain(slow, api); !strings.Contains(got, "kubectl get endpointslices -n default") {
		t.Errorf("no answer: %q", got)
	}
	if got := diagnose.Explain(x509.UnknownAuthorityError{}, api); !strings.Contains(got, "/token/ca.crt") || !strings.Contains(got, "kube-root-ca.crt") {
		t.Errorf("unknown authority: %q", got)
	}
}

func TestExplainWritesRulesForTheAddress(t *testing.T) {
	t.Parallel()
	slow, refused := error(&net.OpError{Op: "dial", Err: context.DeadlineExceeded}), error(syscall.ECONNREFUSED)
	for _, test := range []struct {
		err           error
		address, want string
	}{
		{slow, "10.0.0.7:5432", "egress: [{to: [{ipBlock: {cidr: 10.0.0.7/32}}], ports: [{port: 5432}]}],"},
		{slow, "[fd00::7]:5432", "egress: [{to: [{ipBlock: {cidr: fd00::7/128}}], ports: [{port: 5432}]}],"},
		{slow, "10.0.0.7", "egress: [{to: [{ipBlock: {cidr: 10.0.0.7/32}}]}],"},
		{slow, "db.apps", "allow egress to it"},
		{refused, "db.apps:5432", `traffic.sidecar.istio.io/excludeOutboundPorts: "5432" (Istio), config.linkerd.io/skip-outbound-ports: "5432"`},
		{refused, "db.apps", "traffic.sidecar.istio.io/excludeOutboundPorts: PORT (Istio), config.linkerd.io/skip-outbound-ports: PORT"},
	} {
		if got := diagnose.Explain(test.err, diagnose.Where{Address: test.address, Waited: time.Hour}); !strings.Contains(got, test.want) {
			t.Errorf("Explain(%v) for %s = %q, want ...%q", test.err, test.address, got, test.want)
		}
	}
	if got := diagnose.Class(io.ErrUnexpectedEOF); got != "cut" {
		t.Errorf("Class(unexpected EOF) = %q", got)
	}
}
