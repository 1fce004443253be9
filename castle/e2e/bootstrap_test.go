//go:build root

package e2e_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/talos"
)

// A repository that "flux bootstrap" made, unchanged and without any ExternalSecret: the Git Secret itself is the
// identity. Flux stands, and a commit is reconciled.
func TestBootstrappedRepository(t *testing.T) {
	w := newWorld(t, talos.CreateMissing)
	dir := t.TempDir()
	if err := w.Sample(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	repository := filepath.Join(dir, "repository")
	if err := w.Push(t.Context(), repository); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), birthTime)
	defer cancel()
	manifest, err := w.Render(ctx, "", "--tree", repository, "--cluster", life.SampleFolder, "--identity-dir", filepath.Join(dir, "git-secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Apply(ctx, manifest); err != nil {
		t.Fatal(err)
	}
	if err := w.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	if ready, message := w.ready(t, "flux-system"); !ready {
		t.Errorf("the root is not Ready: %s", message)
	}
	app, err := w.core.CoreV1().ConfigMaps("default").Get(t.Context(), "app", metav1.GetOptions{})
	if err != nil || app.Data["hello"] != "world" {
		t.Errorf("the app: %v, %v", app.Data, err)
	}
	testOwnership(t, w, 30)
	table, err := w.Timeline(t.Context())
	if err != nil || !strings.Contains(table, "from the inline manifest") || strings.Contains(table, w.Services().GitToken) {
		t.Errorf("%v, the timeline:\n%s", err, table)
	}
}
