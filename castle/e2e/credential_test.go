//go:build root

package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tazlab/seed/castle/internal/gitserver"
	"github.com/tazlab/seed/castle/internal/node"
)

// credential is every version of Flux's Git credential, as the API server tells of them.
type credential struct {
	mu       sync.Mutex
	versions []*corev1.Secret
	trouble  string // what must not happen to it
}

// recordCredential begins to watch before there is anything to see.
func (w *world) recordCredential(t *testing.T) *credential {
	t.Helper()
	selector := metav1.ListOptions{FieldSelector: "metadata.name=" + fluxSystem}
	watcher, err := w.core.CoreV1().Secrets(fluxSystem).Watch(t.Context(), selector)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	c := &credential{}
	go func() {
		for e := range watcher.ResultChan() {
			c.add(e)
		}
		c.add(watch.Event{Type: "the end of the watch"})
	}()
	return c
}

func (c *credential) add(e watch.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	secret, ok := e.Object.(*corev1.Secret)
	if ok && (e.Type == watch.Modified || e.Type == watch.Added && len(c.versions) == 0) {
		c.versions = append(c.versions, secret)
	} else {
		c.trouble = string(e.Type)
	}
}

// until waits for a version and returns all up to now.
func (c *credential) until(t *testing.T, what string, is func(*corev1.Secret) bool) []*corev1.Secret {
	t.Helper()
	var all []*corev1.Secret
	poll(t, what+" in Flux's credential", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.trouble != "" {
			t.Fatalf("Flux's credential: %s", c.trouble)
		}
		all = append([]*corev1.Secret(nil), c.versions...)
		return len(all) > 0 && is(all[len(all)-1])
	})
	return all
}

// neverMissing looks at all that happened: the credential was never deleted, and never without a value.
func (c *credential) neverMissing(t *testing.T) {
	t.Helper()
	for _, v := range c.until(t, "a version", func(*corev1.Secret) bool { return true }) {
		for _, key := range []string{"username", "password", "ca.crt"} {
			if len(v.Data[key]) == 0 {
				t.Errorf("version %s of Flux's credential has no %s", v.ResourceVersion, key)
			}
		}
	}
}

// poll asks until the answer is yes, for a while.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// commit changes the repository and waits until Flux has fetched that commit; nobody tells Flux.
func (w *world) commit(t *testing.T, message string, change map[string][]byte) {
	t.Helper()
	hash, err := gitserver.Commit(t.Context(), w.Services().GitDir(), "main", message, change)
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	w.await(t, gitRepositories, fluxSystem, "the commit \""+message+"\"", func(object map[string]any) bool {
		revision, _ := field(object, "status", "artifact", "revision")
		return revision == "main@sha1:"+hash
	})
	t.Logf("%s: fetched after %s", message, time.Since(started).Round(100*time.Millisecond))
}

// lsRemote asks the castle's Git server with a token, from inside the node.
func (w *world) lsRemote(t *testing.T, token string) (string, error) {
	t.Helper()
	line, err := node.Enter(w.NodeDir())
	if err != nil {
		t.Fatal(err)
	}
	askpass := filepath.Join(t.TempDir(), "askpass")
	if err := os.WriteFile(askpass, []byte("#!/bin/sh\necho \"$TEST_PASSWORD\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	line = append(line, "git", "ls-remote", "https://git@git.castle.internal:8443/seed.git")
	command := exec.CommandContext(t.Context(), line[0], line[1:]...)
	command.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_SSL_CAINFO="+node.CAFile(w.NodeDir()), "GIT_ASKPASS="+askpass, "TEST_PASSWORD="+token)
	out, err := command.CombinedOutput()
	return string(out), err
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
