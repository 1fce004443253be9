package claim_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/failure"
)

func TestClaimWaitsAndTriesAgain(t *testing.T) {
	t.Parallel()
	limit := func(text, header string) fault {
		return fault{status: 429, kind: "RateLimitExceeded", text: text, retryAfter: header}
	}
	down := fault{status: 502, text: "bad gateway"}
	for name, test := range map[string]struct {
		call        string
		faults      []fault
		least, most time.Duration
		calls       int           // of call
		wait        time.Duration // what the error asks for; 0 where there is none
		fails       bool
	}{
		"429 in the body":      {read, []fault{limit("Rate limit exceeded. Please try again in 7 seconds", "")}, 7 * time.Second, 7 * time.Second, 2, 0, false},
		"429 in the header":    {read, []fault{limit("slow down", "9")}, 9 * time.Second, 9 * time.Second, 2, 0, false},
		"429, the longer":      {read, []fault{limit("Please try again in 3 seconds", "2")}, 3 * time.Second, 3 * time.Second, 2, 0, false},
		"429 as a date":        {read, []fault{limit("", "Sat, 01 Jan 2000 00:00:05 GMT")}, 5 * time.Second, 5 * time.Second, 2, 0, false},
		"429 at the login":     {login, []fault{limit("Please try again in 2 seconds", "")}, 2 * time.Second, 2 * time.Second, 2, 0, false},
		"429 many times":       {read, slices.Repeat([]fault{limit("", "2")}, 5), 10 * time.Second, 10 * time.Second, 6, 0, false},
		"429 once too often":   {read, slices.Repeat([]fault{limit("", "2")}, 9), 10 * time.Second, 10 * time.Second, 6, 10 * time.Second, true},
		"429 without end":      {read, slices.Repeat([]fault{limit("Please try again in 1 seconds", "")}, 99), 10 * time.Second, 10 * time.Second, 11, 10 * time.Second, true},
		"429 without an end":   {login, slices.Repeat([]fault{limit("Please try again in 1 seconds", "")}, 99), 10 * time.Second, 10 * time.Second, 11, 10 * time.Second, true},
		"429 for long":         {read, []fault{limit("Please try again in 90 seconds", "")}, 0, 0, 1, 90 * time.Second, true},
		"429 for ever":         {read, []fault{limit("", "99999999")}, 0, 0, 1, 10 * time.Minute, true},
		"429 without a time":   {read, slices.Repeat([]fault{limit("", "")}, 9), 3 * time.Second, 6 * time.Second, 3, 0, true},
		"502 once":             {read, []fault{down}, time.Second, 2 * time.Second, 2, 0, false},
		"502 twice":            {read, []fault{down, down}, 3 * time.Second, 6 * time.Second, 3, 0, false},
		"502 for good":         {read, slices.Repeat([]fault{down}, 9), 3 * time.Second, 6 * time.Second, 3, 0, true},
		"502 at the login":     {login, []fault{down}, 0, 0, 1, 0, true},
		"503 with a time":      {read, []fault{{status: 503, retryAfter: "9"}}, 9 * time.Second, 9 * time.Second, 2, 0, false},
		"503 at login, a time": {login, []fault{{status: 503, retryAfter: "30"}}, 0, 0, 1, 30 * time.Second, true},
		"408":                  {read, []fault{{status: 408}}, time.Second, 2 * time.Second, 2, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := gitVault()
				v.faults[test.call] = test.faults
				claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), v.client())
				start := time.Now()
				_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, gitStore))
				if took := time.Since(start); took < test.least || took > test.most {
					t.Errorf("it took %s, want %s to %s", took, test.least, test.most)
				}
				if (err != nil) != test.fails || failure.Wait(err) != test.wait || failure.IsBlocked(err) {
					t.Errorf("Claim: %v, asking for %s; want an error: %v, asking for %s", err, failure.Wait(err), test.fails, test.wait)
				}
				if got := v.count(strings.TrimPrefix(test.call, "GET ")); got != test.calls {
					t.Errorf("%d calls, want %d", got, test.calls)
				}
			})
		})
	}
}

// A login that may have reached the vault is not repeated: three bad ones lock the identity.
func TestClaimRepeatsWhatHelpsAndDoesNoHarm(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	unknown := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "vault.example.com", IsNotFound: true}}
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	untrusted := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for name, test := range map[string]struct {
		path  string
		err   error
		calls int
		want  string
	}{
		"login, refused": {"/login", refused, 3, "nobody listens"},
		"login, DNS":     {"/login", unknown, 3, "DNS: the name vault.example.com does not exist"},
		"login, reset":   {"/login", reset, 1, "cut:"},
		"read, reset":    {"/GITHUB_TOKEN", reset, 3, "cut:"},
		"read, TLS":      {"/GITHUB_TOKEN", untrusted, 1, "TLS: seed does not trust"}, // no better in seconds
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, calls := gitVault(), 0
				broken := roundTrip(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, test.path) {
						calls++
						return nil, test.err
					}
					return v.RoundTrip(r)
				})
				claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), &http.Client{Transport: broken})
				_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, gitStore))
				expectError(t, err, false, test.want)
				if calls != test.calls {
					t.Errorf("sent %d times, want %d", calls, test.calls)
				}
			})
		})
	}
}

// Somebody is to hear of it soon, however many tries a call has.
func TestClaimDoesNotHangWithTheVault(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
	for name, test := range map[string]struct {
		path        string
		hangs       time.Duration // 0: until the caller gives up
		err         error         // after that
		calls       int
		least, most time.Duration
		want        string
	}{
		"login":             {"/login", 0, nil, 1, 15 * time.Second, 15 * time.Second, "timeout: no answer in time: "},
		"read":              {"/GITHUB_TOKEN", 0, nil, 2, 20 * time.Second, 20 * time.Second, "timeout: no answer in time: "},
		"login, no address": {"/login", 4 * time.Second, refused, 3, 15 * time.Second, 18 * time.Second, "route: nothing comes back from this address"},
		"read, slow errors": {"/GITHUB_TOKEN", 14 * time.Second, io.ErrUnexpectedEOF, 2, 20 * time.Second, 20 * time.Second, "timeout: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, calls := gitVault(), 0
				hanging := roundTrip(func(r *http.Request) (*http.Response, error) {
					if !strings.HasSuffix(r.URL.Path, test.path) {
						return v.RoundTrip(r)
					}
					calls++
					if test.hangs == 0 {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					select {
					case <-r.Context().Done():
						return nil, r.Context().Err()
					case <-time.After(test.hangs):
						return nil, test.err
					}
				})
				claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), &http.Client{Transport: hanging})
				start := time.Now()
				_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, gitSpec, gitStore))
				expectError(t, err, false, test.want)
				if took := time.Since(start); took < test.least || took > test.most || calls != test.calls {
					t.Errorf("it took %s and %d calls, want %s to %s and %d", took, calls, test.least, test.most, test.calls)
				}
			})
		})
	}
}

// SIGTERM ends a wait at once, and the error says what was being waited out.
func TestClaimEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := gitVault()
		v.faults[read] = []fault{{status: 429, text: "slow down", retryAfter: "9"}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), v.client())
		start := time.Now()
		_, err := claimer.Claim(ctx, claimOf(t, target.Name, gitSpec, gitStore))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "slow down") || time.Since(start) != 5*time.Second {
			t.Errorf("Claim: %v after %s", err, time.Since(start))
		}
	})
}
