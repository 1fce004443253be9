//go:build apiserver

package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/report"
)

// A token that Git refuses is not a dead end: once it is renewed at the vault, the next try has the new one,
// and nobody touched the cluster.
func TestRefusedTokenHealsAtTheVault(t *testing.T) {
	live := newClient(t, admin)
	var token atomic.Value
	token.Store("old")
	vault := tokenVault(t, &token)
	var mu sync.Mutex
	var seen []string
	git := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(seen, password) {
			seen = append(seen, password)
		}
		if password == "new" {
			w.WriteHeader(http.StatusInternalServerError) // far enough: it is not the credential any more
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(git.Close)

	stop := errors.New("seen enough")
	var events []string
	b := &birth.Birth{
		Bundle:  gitBundle(t, live, "refused", git.URL+"/x.git", vault.URL),
		Cluster: live, Vault: vault.Client(), WorkDir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Report: &report.Report{},
		Event: func(_ context.Context, reason, _ string) { events = append(events, reason) },
		Pause: func(_ context.Context, _ int, err error) error {
			if !failure.IsBlocked(err) {
				return stop
			}
			token.Store("new")
			return nil
		},
	}
	if planted, err := b.Plant(t.Context()); planted || !errors.Is(err, stop) {
		t.Errorf("Plant = %v, %v", planted, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, []string{"old", "new"}) {
		t.Errorf("Git saw %q, want the old token and then the new one", seen)
	}
	if !slices.Equal(events, []string{"Blocked", "Retrying"}) {
		t.Errorf("Events %q", events)
	}
}
