//go:build apiserver

package follow_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tazlab/seed/internal/report"
)

// until polls for something that another process does.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return so(), nil }); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// A tree that stands in the end: what waits is asked for, the last line says that all stands, and the report is kept.
func TestFollowUntilItStands(t *testing.T) {
	live := plant(t, "desk", "main")
	file := filepath.Join(t.TempDir(), "follow.json")
	p := begin(t, admin, "--root", "desk/main", "--output-file", file)
	until(t, "b is asked for", func() bool { return asked(t, live, "desk", "b") != "" })
	becomes(t, live, "desk", "b", ready)
	if code := p.end(t, 0); code != 0 {
		t.Fatalf("exit %d: %s", code, &p.stderr)
	}
	if out := p.stdout.String(); !strings.HasPrefix(out, "all 3 Kustomizations are Ready, after ") || !strings.Contains(out, "desk/b") {
		t.Errorf("standard output is\n%s", out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Parse(data)
	if err != nil || !r.Stands() || r.Nudges["dependency ready"] != 1 {
		t.Errorf("the report is %s, %v", data, err)
	}
}

// One that stands already: the report has what its units brought, too, although nobody had asked for that before.
func TestFollowOfATreeThatStands(t *testing.T) {
	live := plant(t, "stands", "main")
	becomes(t, live, "stands", "b", ready)
	release(t, live, "stands", "blog")
	brings(t, live, "stands", "a", "stands_blog_helm.toolkit.fluxcd.io_HelmRelease", "stands_login_external-secrets.io_ExternalSecret")
	file := filepath.Join(t.TempDir(), "follow.json")
	p := begin(t, admin, "--root", "stands/main", "--output-file", file)
	if code := p.end(t, 0); code != 0 {
		t.Fatalf("exit %d: %s", code, &p.stderr)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, u := range r.Units {
		if u.Part {
			parts = append(parts, u.Name+" "+u.State()+" by "+u.By)
		}
	}
	want := []string{"helmrelease/stands/blog yes by stands/a", "externalsecret/stands/login no by stands/a"}
	if !slices.Equal(parts, want) {
		t.Errorf("the parts are %q, want %q", parts, want)
	}
	for _, name := range []string{"helmrelease/stands/blog", "externalsecret/stands/login"} {
		if out := p.stdout.String(); !strings.Contains(out, name) {
			t.Errorf("%s is not in the table\n%s", name, out)
		}
	}
}

// One that does not: the deadline ends it, and what is missing is told by its cause. Who only looks asks for nothing.
func TestFollowDeadline(t *testing.T) {
	live := plant(t, "late", "main")
	p := begin(t, admin, "--root", "late/main", "--until", "ks/b", "--deadline", "2s", "--read-only")
	if code := p.end(t, 0); code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	if out := p.stderr.String(); !strings.Contains(out, "seed: error: the goal does not stand after 2s") || !strings.Contains(out, "dependency 'a' is not ready") {
		t.Errorf("standard error is\n%s", out)
	}
	if out := p.stdout.String(); !strings.Contains(out, "late/b") {
		t.Errorf("standard output is\n%s", out)
	}
	if at := asked(t, live, "late", "b"); at != "" {
		t.Errorf("b was asked for at %s", at)
	}
}

// Somebody ends it: the state so far is shown.
func TestFollowInterrupted(t *testing.T) {
	plant(t, "enough", "main")
	p := begin(t, admin, "--root", "enough/main")
	until(t, "it tells of b", func() bool { return strings.Contains(p.stderr.String(), "b: waits") })
	if code := p.end(t, syscall.SIGINT); code != 130 {
		t.Errorf("exit %d, want 130: %s", code, &p.stderr)
	}
	if out := p.stdout.String(); !strings.Contains(out, "enough/b") {
		t.Errorf("standard output is\n%s", out)
	}
}
