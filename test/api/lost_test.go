//go:build apiserver

package api_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/meta"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/follow"
	watching "github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/apiserver"
)

// watcher is a follower with rights of its own: to read Kustomizations, and to read the rest.
type watcher struct {
	phases chan string // of the units, whenever they change
	log    programLog
	ended  chan error
}

func grant(t *testing.T, rights client.Client, name string, groups ...string) {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}}
	role.Rules = []rbacv1.PolicyRule{{APIGroups: groups, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}}
	binding.Subjects = []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "watcher"}}
	for _, object := range []client.Object{role, binding} {
		if err := rights.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// watches follows root until all of it is Ready.
func watches(t *testing.T, config *rest.Config, root types.NamespacedName) *watcher {
	t.Helper()
	config = rest.CopyConfig(config)
	config.Impersonate.UserName = "watcher"
	w := &watcher{phases: make(chan string, 100), ended: make(chan error, 1), log: programLog{grown: make(chan struct{}, 1)}}
	f := &birth.Following{
		Cluster: newClient(t, config), Roots: []types.NamespacedName{root}, ReadOnly: true,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), Report: &report.Report{Seed: time.Now()},
	}
	f.Changed = func() {
		var all []string
		for _, u := range f.Report.Units {
			all = append(all, string(u.Phase()))
		}
		w.phases <- strings.Join(all, " ")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	go func() { w.ended <- f.Run(ctx) }()
	return w
}

// until waits until the units are in these phases.
func (w *watcher) until(t *testing.T, phases string) {
	t.Helper()
	last := ""
	for late := time.After(3 * time.Minute); ; {
		select {
		case last = <-w.phases:
			if last == phases {
				return
			}
		case err := <-w.ended:
			t.Fatalf("it ended with %v when the units were %q, want %q\n%s", err, last, phases, &w.log)
		case <-late:
			t.Fatalf("the units are %q, want %q\n%s", last, phases, &w.log)
		}
	}
}

// Who may not watch Kustomizations any more says so once, after a while, and takes none for Ready until it may again. An API
// server that restarts is nothing to tell.
func TestFollowLosesItsRights(t *testing.T) {
	t.Parallel()
	env := &envtest.Environment{}
	server := env.ControlPlane.GetAPIServer()
	server.CertDir = t.TempDir()                    // its own would go with the first stop
	server.Configure().Set("request-timeout", "3s") // for which it lets open watches live when it stops
	config := apiserver.Start(t, env)
	restart := func() {
		t.Helper()
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	live := newClient(t, config)
	root := tree(t, live, "root", "child")
	reconcile(t, live, "root", metav1.ConditionTrue, "applied", "child")
	reconcile(t, live, "child", metav1.ConditionFalse, "the image cannot be pulled")
	rights, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	grant(t, rights, "units", "kustomize.toolkit.fluxcd.io")
	grant(t, rights, "rest", "", "apps", "apiextensions.k8s.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io")
	w := watches(t, config, root)
	w.until(t, "ready failed")

	restart()
	reconcileBecause(t, live, "child", metav1.ConditionUnknown, meta.ProgressingReason, "Reconciliation in progress")
	w.until(t, "ready working")
	if text := w.log.String(); strings.Contains(text, "level=WARN") {
		t.Errorf("a restart was told:\n%s", text)
	}

	units := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "units"}}
	rules := func(patch string) {
		t.Helper()
		if err := rights.Patch(t.Context(), units, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
			t.Fatal(err)
		}
	}
	rules(`{"rules": [{"apiGroups": ["kustomize.toolkit.fluxcd.io"], "resources": ["*"], "verbs": ["get"]}]}`)
	restart() // a watch that is open goes on without the right
	reconcile(t, live, "child", metav1.ConditionTrue, "applied")
	w.until(t, "unknown unknown")
	const told = `level=WARN msg="cannot be watched, and it is tried again" kind=Kustomization`
	if text := w.log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, told) || !strings.Contains(text, "forbidden") {
		t.Errorf("the log is\n%s", text)
	}
	rules(`{"rules": [{"apiGroups": ["kustomize.toolkit.fluxcd.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]}`)
	if err := <-w.ended; err != nil { // all of it is Ready
		t.Error(err)
	}
}

// A kind whose definition is deleted is not there any more, and taken up again when it is defined anew.
func TestFollowWhenADefinitionIsGone(t *testing.T) {
	t.Parallel()
	live := newClient(t, apiserver.Start(t, &envtest.Environment{}))
	root := tree(t, live, "root")
	reconcile(t, live, "root", metav1.ConditionTrue, "applied")
	brings(t, live, "root", strings.Replace(aRelease, "NAME", "blog", 1))
	ready := metav1.Condition{Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: helmv2.InstallSucceededReason}
	released(t, live, release(t, live, "blog"), ready)
	var gone atomic.Bool
	changed, ended := told(t, live, []types.NamespacedName{root}, nil, func(all []follow.Unit) bool { return gone.Load() && len(all) == 2 && all[1].Ready })
	const part = "helmrelease/flux-system/blog"
	next(t, changed, "flux-system/root", report.PhaseReady, "")
	next(t, changed, part, report.PhaseReady, "")

	definition := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "helmreleases.helm.toolkit.fluxcd.io"}}
	definition.SetGroupVersionKind(watching.Definitions.Kind)
	if err := live.Delete(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	next(t, changed, part, report.PhaseAbsent, "not in the cluster yet") // its objects go first
	next(t, changed, part, report.PhaseAbsent, "does not serve its kind yet")
	gone.Store(true)
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), definitions(t)); err != nil {
		t.Fatal(err)
	}
	next(t, changed, part, report.PhaseAbsent, "not in the cluster yet")
	again := release(t, live, "blog")
	next(t, changed, part, report.PhaseQueued, "not seen by helm-controller yet")
	released(t, live, again, ready)
	next(t, changed, part, report.PhaseReady, "")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A path that Git lacks is a failure, told when it has lasted: the source is there, though Flux's reason is that of one that is not.
// Until the controller's cache has the source, the root does wait for it.
func TestFollowTellsOfAPathThatGitLacks(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	const ns = "follow-path"
	root := nudged(t, live, ns)
	root.Spec.Path = "./nowhere"
	publish(t, live, ns, chain(t, ns, "a"))
	if err := live.Create(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	changed, _ := told(t, live, []types.NamespacedName{client.ObjectKeyFromObject(root)}, nil, func([]follow.Unit) bool { return false })
	const lacks = "kustomization path not found: "
	for u := range changed {
		if u.Phase == report.PhaseSource && strings.HasPrefix(u.Reason, lacks) {
			t.Errorf("it waits for its source: %s", u.Reason)
		}
		if u.Failed {
			if !strings.HasPrefix(u.Reason, lacks) {
				t.Errorf("it has failed because %s", u.Reason)
			}
			return
		}
	}
	t.Error("it is not told as failed")
}
