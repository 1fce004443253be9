package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A configuration that is there, comes, or is moved to its place ends the waiting; what containerd would not read does not.
func TestAwaitCNI(t *testing.T) {
	for name, bring := range map[string]func(folder string) error{
		"written": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "10-x.conf"), []byte("{}"), 0o600)
		},
		"moved": func(folder string) error {
			file := filepath.Join(folder, "new")
			return errors.Join(os.WriteFile(file, []byte("{}"), 0o600), os.Rename(file, filepath.Join(folder, "10-x.conflist")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder, done := t.TempDir(), make(chan error, 1)
			if err := os.WriteFile(filepath.Join(folder, "README"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			go func() { done <- awaitCNI(t.Context(), folder) }()
			select {
			case err := <-done:
				t.Fatalf("it ended before there was a configuration: %v", err)
			default:
			}
			if err := bring(folder); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := awaitCNI(t.Context(), folder); err != nil {
				t.Errorf("with what is there: %v", err)
			}
		})
	}
}

func TestAwaitCNIEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the node goes down"))
	err := awaitCNI(ctx, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "wait for a CNI configuration") || !strings.Contains(err.Error(), "the node goes down") {
		t.Errorf("%v", err)
	}
	if err := awaitCNI(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a folder that is not there: %v", err)
	}
}
