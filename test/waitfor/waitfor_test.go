//go:build apiserver

package waitfor_test

import (
	"syscall"
	"testing"
)

// The least Role is enough: get and watch on one name.
func TestSecretArrives(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	w := p.start(t, nil, "secret/database#key=user,password")
	w.await(t, "waiting for secret/database#key=user,password: it is not there")
	p.secret(t, "database", "user", "a", "password", "")
	w.await(t, "the value is empty of the key password")
	if err := p.client.CoreV1().Secrets(p.namespace).Delete(t.Context(), "database", deleteNow); err != nil {
		t.Fatal(err)
	}
	w.await(t, "it is not there")
	p.secret(t, "database", "user", "a", "password", "s3cr3t")
	w.end(t, 0, "met after", "secret/database#key=user,password: it has user, password")
}

// A signal ends the waiting at once, and the message says what was missing.
func TestSignals(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, named("secrets", "database"))
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		w := p.start(t, nil, "secret/database")
		w.await(t, "waiting for secret/database")
		w.signal(t, signal)
		w.end(t, code, "ended by SIG", "secret/database: it is not there")
	}
}
