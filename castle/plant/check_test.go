//go:build apiserver

package plant_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// row is one fault and what seed must make of it.
type row struct {
	// breaks makes the fault, before seed starts.
	breaks func(*testing.T, *world)
	// heals undoes it while seed runs. nil: seed does not try again in the time of a test.
	heals func(*testing.T, *world)
	// reason is that of the Event, want are the parts of its message: the cause and the next step.
	reason string
	want   []string
	// logins is how often seed tried to log in until its first try had failed, reads how often it asked for a secret; 0 reads are
	// not counted.
	logins, reads int
	// claimed tells that the Git credential was written before the fault.
	claimed bool
	// asks is the request to Git without which the Event tells of something else than the fault; "" is none. See run.
	asks string
}

// planted are the objects with which Flux goes on, and what Flux itself is.
var planted = []schema.GroupVersionResource{
	{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"},
	{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
}

// test runs seed into the fault, looks at what it says and does, heals, and sees the root sync in the cluster.
func (r row) test(t *testing.T) { //nolint:thelper // it is the subtest itself: a failure belongs to its line here
	t.Parallel()
	r.run(t)
}

// run is test for who is in parallel already. It is false, and nothing else is looked at, if Git has not been asked.
func (r row) run(t *testing.T) (asked bool) { //nolint:thelper // as test
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := newWorld(t)
	if r.breaks != nil {
		r.breaks(t, w)
	}
	w.prepare(t)
	before := len(w.vault.Calls(login))
	s := w.start(t)
	event, err := w.event(ctx, "Blocked", "Retrying", "InvalidBundle")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.stderr.String())
	}
	t.Logf("%s: %s", event.Reason, event.Message)
	if asked = r.asks == "" || len(w.git.Calls(r.asks)) > 0; !asked {
		return false
	}
	// The next try, soon after the Event, asks anew.
	first, err := s.firstFailure(ctx)
	if err != nil {
		t.Fatal(err)
	}
	logins, reads := upTo(first, w.vault.Calls(login))-before, upTo(first, w.vault.Calls(read))
	if event.Reason != r.reason {
		t.Errorf("the Event is %s (%s), want %s", event.Reason, event.Message, r.reason)
	}
	for _, want := range r.want {
		if !strings.Contains(event.Message, want) {
			t.Errorf("the Event does not say %q: %s", want, event.Message)
		}
	}
	if logins != r.logins || r.reads > 0 && reads != r.reads {
		t.Errorf("the vault saw %d logins and %d reads, want %d and %d", logins, reads, r.logins, r.reads)
	}
	w.wantSecret(t, r.claimed)
	w.wantPlanted(t, false)
	if r.heals != nil {
		r.heals(t, w)
		if err := s.says(ctx, `msg="apply the root sync" state=done`); err != nil {
			t.Fatal(err)
		}
		w.wantSecret(t, true)
		w.wantPlanted(t, true)
	}
	if err := s.end(ctx); err != nil {
		t.Error(err)
	}
	w.wantLogins(t, s, r, before)
	w.wantNoCredential(t, s)
	return true
}

// upTo is how many calls came until moment, which is in whole milliseconds.
func upTo(moment time.Time, calls []time.Time) (n int) {
	for _, at := range calls {
		if !at.Truncate(time.Millisecond).After(moment) {
			n++
		}
	}
	return n
}

// wantLogins: never more than one login a try, and none for a Secret that is there.
func (w *world) wantLogins(t *testing.T, s *seed, r row, before int) {
	t.Helper()
	most := s.tries()
	if r.heals != nil {
		most++ // the try that succeeded
	}
	if r.claimed && (r.heals == nil || r.reason == "Retrying") { // what Git refused is read anew
		most = 1
	}
	if r.logins > 1 {
		most += r.logins - 1 // those that a rate limit turned away before they were judged
	}
	if got := len(w.vault.Calls(login)) - before; got > most {
		t.Errorf("the vault saw %d logins in %d failed tries, want at most %d", got, s.tries(), most)
	}
}

// wantSecret looks for the Git credential.
func (w *world) wantSecret(t *testing.T, want bool) {
	t.Helper()
	secret, err := core.CoreV1().Secrets(w.name).Get(t.Context(), "git", metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	if want && string(secret.Data["password"]) != w.gitToken {
		t.Errorf("the Secret %s/git with the Git credential is not there: %v", w.name, err)
	}
	if !want && err == nil {
		t.Errorf("the Secret %s/git is there", w.name)
	}
}

// wantPlanted looks for Flux and the root sync: all of it, or nothing.
func (w *world) wantPlanted(t *testing.T, want bool) {
	t.Helper()
	names := []string{"flux-system", "flux-system", "source-controller"}
	for i, resource := range planted {
		_, err := objects.Resource(resource).Namespace(w.name).Get(t.Context(), names[i], metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		if there := err == nil; there != want {
			t.Errorf("%s %s in the cluster: %v, want %v", resource.Resource, names[i], there, want)
		}
	}
}

// wantNoCredential looks for credentials and tokens in everything that seed wrote for people.
func (w *world) wantNoCredential(t *testing.T, s *seed) {
	t.Helper()
	written := []string{s.all(t)}
	for _, event := range w.events(t) {
		written = append(written, event.Message)
	}
	text := strings.Join(written, "\n")
	private := []string{w.clientSecret, w.gitToken, w.ownToken}
	for _, header := range append(w.vault.seen(), w.git.seen()...) {
		_, credential, _ := strings.Cut(header, " ")
		private = append(private, credential)
	}
	for _, one := range private {
		for _, form := range []string{one, base64.StdEncoding.EncodeToString([]byte(one))} {
			if form != "" && strings.Contains(text, form) {
				t.Errorf("a credential is in what seed writes:\n%s", text)
			}
		}
	}
}

// wantPatience runs seed into a server that is slow, answers late, and sees the root sync after one try.
func (w *world) wantPatience(t *testing.T, hit <-chan struct{}, release chan<- struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s := w.start(t)
	select {
	case <-hit:
	case <-ctx.Done():
		t.Fatalf("seed did not come to the slow server:\n%s", s.stderr.String())
	}
	w.wantPlanted(t, false)
	close(release)
	if err := s.says(ctx, `msg="apply the root sync" state=done`); err != nil {
		t.Fatal(err)
	}
	w.wantPlanted(t, true)
	if err := s.end(ctx); err != nil {
		t.Error(err)
	}
	if events := w.events(t); s.tries() != 0 || len(events) != 0 || len(w.vault.Calls(login)) != 1 {
		t.Errorf("%d failed tries, %d Events, %d logins; want one quiet try", s.tries(), len(events), len(w.vault.Calls(login)))
	}
	w.wantNoCredential(t, s)
}
