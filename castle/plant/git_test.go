//go:build apiserver

package plant_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tazlab/seed/castle/internal/faults"
)

// failGit makes a row's fault at the Git server.
func failGit(match string, fault faults.Fault, times int) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.git.Fail(match, fault, times) }
}

func healGit(_ *testing.T, w *world) { w.git.Heal() }

// mendToken puts the token that the Git server takes into the vault; nobody touches the cluster.
func mendToken(_ *testing.T, w *world) {
	w.gitToken = "rotated"
	w.standin.SetSecret("/git", "TOKEN", w.gitToken)
}

// What the Git server refuses waits for a cure at the vault or there. The credential stays claimed.
func TestGitRefuses(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]row{
		"wrong-token": {
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				w.git = open(t, w.gitServer(t, "rotated"), "http/1.1")
			},
			heals: mendToken,
			want:  []string{"authentication required", "refuses the credential", "renew the token at the vault"},
		},
		"forbidden":          {breaks: failGit(refs, faults.Fault{Status: http.StatusForbidden}, 0), heals: healGit, want: []string{"refuses the credential", "authorization failed", "renew the token at the vault"}},
		"no-such-repository": {breaks: failGit(refs, faults.Fault{Status: http.StatusNotFound}, 0), want: []string{"repository not found", "check spec.url", "may not read the repository"}},
		"redirected-elsewhere": {
			// The host's name is another one there, so the credential must not come along.
			breaks: func(t *testing.T, w *world) {
				t.Helper()
				elsewhere := open(t, w.gitServer(t, w.gitToken), "http/1.1")
				w.git.Fail(refs, faults.Fault{Status: http.StatusMovedPermanently, Header: map[string]string{"Location": elsewhere.byName("/fleet.git/info/refs?service=git-upload-pack")}}, 0)
				t.Cleanup(func() {
					if len(elsewhere.Calls(anyCall)) == 0 || len(elsewhere.seen()) > 0 {
						t.Errorf("the other host saw %d requests, %d of them with a credential", len(elsewhere.Calls(anyCall)), len(elsewhere.seen()))
					}
				})
			},
			want: []string{"authentication required", "the server redirects to localhost:", "let spec.url name it"},
		},
	} {
		r.reason, r.logins, r.claimed = "Blocked", 1, true
		t.Run(name, r.test)
	}
}

// What passes by itself is tried again without another login.
func TestGitRecovers(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]row{
		"too-many":          {breaks: failGit(refs, faults.Fault{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "1"}}, 0), want: []string{"429", "limits how often it is asked: seed comes back by itself after the 1s"}},
		"error":             {breaks: failGit(refs, faults.Fault{Status: http.StatusInternalServerError}, 0), want: []string{"500", "look at its log or status page"}},
		"error-at-pack":     {breaks: failGit(pack, faults.Fault{Status: http.StatusBadGateway}, 0), want: []string{"502", "look at its log or status page"}},
		"reset":             {breaks: failGit(refs, faults.Fault{Reset: true}, 0), want: []string{"connection reset by peer", "cut: the connection ended in the middle"}},
		"reset-at-pack":     {breaks: failGit(pack, faults.Fault{Reset: true}, 0), want: []string{"connection reset by peer", "cut: the connection ended in the middle"}},
		"truncated-refs":    {breaks: failGit(refs, faults.Fault{Cut: 60}, 0), want: []string{"EOF", "cut: the connection ended in the middle"}},
		"truncated-pack":    {breaks: failGit(pack, faults.Fault{Cut: 2000}, 0), want: []string{"EOF", "cut: the connection ended in the middle"}},
		"html":              {breaks: failGit(refs, html, 0), want: []string{"mostly a page of HTML that came back", "check that spec.url is the address of a Git repository"}},
		"redirect-in-ring":  {breaks: failGit(refs, faults.Fault{Status: http.StatusFound, Header: map[string]string{"Location": "/fleet.git/info/refs?service=git-upload-pack"}}, 0), want: []string{"too many redirects", "redirects in a circle"}},
		"redirected-astray": {breaks: failGit(refs, faults.Fault{Status: http.StatusFound, Header: map[string]string{"Location": "/sign-in"}}, 0), want: []string{"redirect", "as to a page for signing in", "let it name the address that answers"}},
	} {
		r.reason, r.logins, r.claimed, r.heals = "Retrying", 1, true, healGit
		r.want = append(r.want, "fetching GitRepository gitrecovers-"+name+"/flux-system from https://127.0.0.1:")
		t.Run(name, r.test)
	}
}

// A Git server that takes a request and never answers is told of when spec.timeout is over. Only who has asked waits for the answer:
// where this machine used up the time before that, Git gets twice as much.
func TestGitHangs(t *testing.T) {
	t.Parallel()
	for name, match := range map[string]string{"refs": refs, "pack": pack} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := false
			for limit := 3 * time.Second; limit < time.Minute && !asked && !t.Failed(); limit *= 2 {
				hangs := func(_ *testing.T, w *world) {
					w.gitTimeout = limit.String()
					w.git.Fail(match, faults.Fault{Hold: faults.Never}, 0)
				}
				r := row{breaks: hangs, asks: match, heals: healGit, reason: "Retrying", logins: 1, claimed: true, want: []string{
					"fetching GitRepository githangs-" + name + "-" + limit.String() + "/flux-system from https://127.0.0.1:",
					"deadline exceeded", "timeout: no answer in time, spec.timeout is " + limit.String(),
				}}
				t.Run(limit.String(), func(t *testing.T) { asked = r.run(t) })
			}
			if !asked {
				t.Error("Git was never asked")
			}
		})
	}
}

func TestGitCertificate(t *testing.T) {
	t.Parallel()
	for name, bad := range badCertificates() {
		r := row{
			breaks: func(t *testing.T, w *world) { t.Helper(); w.git.present(t, bad.by, bad.request) },
			heals:  func(t *testing.T, w *world) { t.Helper(); w.git.present(t, ca, good) },
			reason: "Retrying", want: append(bad.want, "fetching GitRepository"), logins: 1, claimed: true,
		}
		t.Run(name, r.test)
	}
}

// A slow Git server, and one that has a new name for the repository, are no fault.
func TestGitSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepare(t)
	release := make(chan struct{})
	w.wantPatience(t, w.git.Fail(pack, faults.Fault{Hold: release}, 1), release)
}
