package follow

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/report"
)

// followed is a tree in a world, and what it told last.
type followed struct {
	*Tree
	*world
	now  time.Time
	told string // each unit that has changed, with its phase
	all  []Unit
}

func following(w *world, roots ...types.NamespacedName) *followed {
	f := &followed{world: w, now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}
	f.Tree = &Tree{Roots: roots, seen: map[ID]Unit{}, failing: map[ID]time.Time{}, list: w.list, Changed: func(all, changed []Unit) bool {
		f.all = all
		for _, u := range changed {
			f.told += fmt.Sprintln(u, u.Phase)
		}
		return false
	}}
	return f
}

// becomes judges the world a minute later and expects what has changed.
func (f *followed) becomes(t *testing.T, when string, want ...string) {
	t.Helper()
	f.told, f.now = "", f.now.Add(time.Minute)
	if done, _ := f.judge(f.now); done {
		t.Errorf("%s: it is done", when)
	}
	if got := strings.TrimSpace(strings.ReplaceAll(f.told, "\n", ", ")); strings.TrimSuffix(got, ",") != strings.Join(want, ", ") {
		t.Errorf("%s: told %q, want %q", when, got, want)
	}
}

// A kind that could be read until a moment ago is not judged. If that lasts its units are neither Ready nor failed, whatever
// they were; the tree stays, and so does when they became Ready.
func TestStaleIsNotJudged(t *testing.T) {
	t.Parallel()
	root, apps := brought("root", yes, itself, aUnit), brought("apps", no)
	root.Status.Conditions[0].LastTransitionTime = metav1.NewTime(time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC))
	w := &world{objects: []client.Object{root, apps}, unread: map[string]error{}}
	f := following(w, types.NamespacedName{Namespace: "flux-system", Name: "root"})
	f.becomes(t, "at first", "flux-system/root ready", "flux-system/apps failed")
	w.objects = []client.Object{root, brought("apps", yes)}
	w.unread["Kustomization"] = live.Stale{Err: errors.New("forbidden")}
	f.becomes(t, "in between")
	w.unread["Kustomization"] = live.Stale{Lasting: true, Err: errors.New("forbidden")}
	f.becomes(t, "lost", "flux-system/root unknown", "flux-system/apps unknown")
	for _, u := range f.all {
		if u.Ready || u.Failed || u.Stalled || !strings.Contains(u.Reason, "cannot be read") || !strings.Contains(u.Reason, "forbidden") {
			t.Errorf("lost: %+v", u)
		}
	}
	f.becomes(t, "still lost")
	delete(w.unread, "Kustomization")
	f.becomes(t, "known again", "flux-system/root ready", "flux-system/apps ready")
	if at := root.Status.Conditions[0].LastTransitionTime; !f.all[0].At.Equal(at.Time) || !f.all[1].At.Equal(f.now) {
		t.Errorf("root was Ready at %s, apps at %s; want %s, %s", f.all[0].At, f.all[1].At, at, f.now)
	}
}

// A part that cannot be read any more says nothing of the Kustomization that brought it. While nobody knows whether it is lost
// nothing of the tree is judged.
func TestStaleParts(t *testing.T) {
	t.Parallel()
	release := &helmv2.HelmRelease{ObjectMeta: named("apps", "blog")}
	w := &world{objects: []client.Object{brought("root", no, aRelease), release}, unread: map[string]error{}}
	f := following(w)
	f.becomes(t, "at first", "flux-system/root failed", "helmrelease/apps/blog queued")
	w.objects[0] = brought("root", yes, aRelease)
	w.unread["HelmRelease"] = live.Stale{Err: errors.New("forbidden")}
	f.becomes(t, "in between")
	w.unread["HelmRelease"] = live.Stale{Lasting: true, Err: errors.New("forbidden")}
	f.becomes(t, "lost", "flux-system/root ready", "helmrelease/apps/blog unknown")
	if f.all[1].By.Name != "root" {
		t.Errorf("the part is brought by %s", f.all[1].By)
	}
}

// When the definition of Kustomizations is deleted nothing of the tree is there.
func TestDefinitionIsGone(t *testing.T) {
	t.Parallel()
	for name, roots := range map[string][]types.NamespacedName{"": nil, "flux-system/root absent": {{Namespace: "flux-system", Name: "root"}}} {
		w := &world{objects: []client.Object{brought("root", yes)}, unread: map[string]error{}}
		f := following(w, roots...)
		f.Log = slog.New(slog.DiscardHandler)
		f.becomes(t, "at first", "flux-system/root ready")
		w.unread["Kustomization"] = &apimeta.NoKindMatchError{}
		var want []string
		if name != "" {
			want = []string{name}
		}
		f.becomes(t, "gone", want...)
		if len(f.all) != len(roots) || len(f.all) > 0 && f.all[0].Phase != report.PhaseAbsent {
			t.Errorf("left are %+v", f.all)
		}
	}
}
