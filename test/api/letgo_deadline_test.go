//go:build apiserver

package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A birth whose goal does not stand at its deadline lets go as one that has ended well, but it fails, and so does each run
// that comes after it without rights. A new set finds what came of it.
func TestLetGoAtTheDeadline(t *testing.T) {
	w := letGoWorld(t, "letgo-deadline")
	bundle := w.spell(rootSync)
	w.inline(t, first, w.identity())
	until := []string{"--deadline", "1s", "--until", "ks/apps", "--until", "ks/root"}
	code, message := w.start(t, first, "seed-late", bundle, until...).end(t)
	const missing = "apps: not in the cluster yet"
	if code != 4 || !strings.Contains(message, "seed: error: the goal does not stand after 1s") || !strings.Contains(message, missing) {
		t.Fatalf("the birth ended with %d, %q", code, message)
	}
	letGone(t, first, w.identity().Name)
	record := recorded(t)
	if record.Ended.IsZero() || record.Deadline != time.Second || !strings.Contains(record.MissingText(), missing) || !slices.Contains(record.Until, w.ns+"/apps") {
		t.Errorf("the record is %+v", record)
	}

	again := w.start(t, first, "seed-again", bundle, until...)
	code, message = again.end(t)
	if code != 4 || !strings.Contains(message, "the birth has ended at ") || !strings.Contains(message, missing) {
		t.Errorf("the run without rights ended with %d, %q", code, message)
	}
	if written := again.requests.requested("PUT", "PATCH", "DELETE", "POST"); !slices.Equal(written, []string{"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}) {
		t.Errorf("the run without rights wrote %q", written)
	}

	w.stand(t)
	renewed := w.identity()
	renewed.Data["more"] = []byte("new")
	w.inline(t, second, renewed)
	if code, message := w.start(t, second, "seed-renewed", bundle).end(t); code != 0 || !strings.Contains(message, "Flux reconciles the tree already; all 1 Kustomizations are Ready") {
		t.Errorf("the run of the new set ended with %d, %q", code, message)
	}
	letGone(t, second, w.identity().Name)
	if now := recorded(t); now.Ended.IsZero() || now.Deadline != 0 || now.Set != string(second) || !now.Seed.Equal(record.Seed) {
		t.Errorf("the record of the birth is %+v", now)
	}
}
