//go:build apiserver

package plant_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A missing machine identity is waited for, without a login.
func TestIdentityIsMissing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := newWorld(t)
	w.prepare(t)
	if err := core.CoreV1().Secrets(seedSystem).Delete(ctx, w.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s := w.start(t)
	event, err := w.event(ctx, "Blocked", "Retrying")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.stderr.String())
	}
	if event.Reason != "Blocked" || !strings.Contains(event.Message, "reading the identity Secret seed-system/"+w.name) {
		t.Errorf("the Event is %s: %s", event.Reason, event.Message)
	}
	if n := len(w.vault.Calls(anyCall)); n != 0 {
		t.Errorf("the vault saw %d requests, want none", n)
	}
	w.bringIdentity(t, w.clientSecret)
	if err := s.says(ctx, `msg="apply the root sync" state=done`); err != nil {
		t.Fatal(err)
	}
	w.wantPlanted(t, true)
	if err := s.end(ctx); err != nil {
		t.Error(err)
	}
}

// bringIdentity writes the identity Secret anew: the input on which a blocked seed waits.
func (w *world) bringIdentity(t *testing.T, clientSecret string) {
	t.Helper()
	identity := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: seedSystem, Name: w.name},
		StringData: map[string]string{"clientId": w.identity().ClientID, "clientSecret": clientSecret},
	}
	secrets := core.CoreV1().Secrets(seedSystem)
	_, err := secrets.Update(t.Context(), identity, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = secrets.Create(t.Context(), identity, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A fault in seed's own input ends it for good, before anything is asked of vault or Git.
func TestInvalidInput(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, old, with string
		want            []string
	}{
		"unknown-field": {"bundle.yaml", "  interval: 1m\n", "  intervall: 1m\n", []string{"GitRepository invalidinput-unknown-field/flux-system", "spec.intervall"}},
		"no-vault-ca":   {"ca.crt", "BEGIN CERTIFICATE", "BEGIN NOTHING", []string{"ca.crt", "holds no PEM certificate", "--ca-file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w := newWorld(t)
			w.prepare(t)
			file := filepath.Join(w.configDir, test.file)
			content, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(content), test.old) {
				t.Fatalf("%s does not hold %q: %v\n%s", test.file, test.old, err, content)
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(content), test.old, test.with, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			s := w.start(t)
			event, err := w.event(ctx, "InvalidBundle")
			if err != nil {
				t.Fatalf("%v\n%s", err, s.stderr.String())
			}
			select {
			case <-s.ended:
			case <-ctx.Done():
				t.Fatal("seed does not end")
			}
			for _, want := range test.want {
				if !strings.Contains(event.Message, want) || !strings.Contains(s.all(t), want) {
					t.Errorf("the Event or the log does not say %q: %s\n%s", want, event.Message, s.all(t))
				}
			}
			if n := len(w.vault.Calls(anyCall)) + len(w.git.Calls(anyCall)); n != 0 || s.code != 3 {
				t.Errorf("exit code %d, %d requests; want 3 and none", s.code, n)
			}
		})
	}
}
