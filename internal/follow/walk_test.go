package follow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/report"
)

// world is what a cluster has, and the kinds that cannot be read.
type world struct {
	objects []client.Object
	unread  map[string]error
	asked   []string
}

func (w *world) walker() *walker {
	return &walker{seen: map[ID]Unit{}, objects: map[ID]client.Object{}, listed: map[string]error{}, now: time.Now(), list: func(k kind) ([]client.Object, error) {
		return w.list(k.query())
	}}
}

func (w *world) list(q live.Query) ([]client.Object, error) {
	w.asked = append(w.asked, q.Kind.Kind)
	err := w.unread[q.Kind.Kind]
	if err != nil && !stale(err) {
		return nil, err
	}
	var all []client.Object
	for _, o := range w.objects {
		if strings.HasSuffix(fmt.Sprintf("%T", o), "."+q.Kind.Kind) {
			all = append(all, o)
		}
	}
	return all, err
}

// names are the units as text, those that are brought with who brought them.
func names(t *testing.T, w *world, roots, also []ID) string {
	t.Helper()
	units, err := w.walker().units(roots, also)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, u := range units {
		text := u.String()
		if u.By.Name != "" {
			text += "<" + u.By.Name
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 2}
}

func brought(name string, ready metav1.ConditionStatus, inventory ...string) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{ObjectMeta: named("flux-system", name)}
	k.Status.ObservedGeneration = 2
	k.Status.Conditions = []metav1.Condition{condition(meta.ReadyCondition, ready, "Test")}
	k.Status.Inventory = &kustomizev1.ResourceInventory{}
	for _, id := range inventory {
		k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: id, Version: "v1"})
	}
	return k
}

const (
	yes, no     = metav1.ConditionTrue, metav1.ConditionFalse
	aUnit       = "flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization"
	itself      = "flux-system_root_kustomize.toolkit.fluxcd.io_Kustomization"
	aRelease    = "apps_blog_helm.toolkit.fluxcd.io_HelmRelease"
	aRepository = "flux-system_charts_source.toolkit.fluxcd.io_HelmRepository"
	aStore      = "_vault_external-secrets.io_ClusterSecretStore"
	aSecret     = "apps_login_external-secrets.io_ExternalSecret"
)

func TestUnitsOfTheTree(t *testing.T) {
	t.Parallel()
	w := &world{objects: []client.Object{
		brought("root", yes, itself, aUnit, aRepository), brought("apps", yes, aRelease, "apps_blog_apps_Deployment"), brought("other", yes),
		&helmv2.HelmRelease{ObjectMeta: named("apps", "blog")}, &helmv2.HelmRelease{ObjectMeta: named("apps", "by-hand")},
		&sourcev1.HelmRepository{ObjectMeta: named("flux-system", "charts")},
	}}
	root := []ID{{Namespace: "flux-system", Name: "root"}}
	const tree = "flux-system/root helmrepository/flux-system/charts<root flux-system/apps<root helmrelease/apps/blog<apps"
	for name, test := range map[string]struct {
		roots, also []ID
		want        string
	}{
		"one root":         {root, nil, tree},
		"all roots":        {nil, nil, "flux-system/other " + tree},
		"a goal beside it": {root, []ID{{"helmrelease", "apps", "by-hand"}, {"helmrelease", "apps", "none"}, root[0]}, tree + " helmrelease/apps/by-hand helmrelease/apps/none"},
		"no such root":     {[]ID{{Namespace: "a", Name: "b"}}, nil, "a/b"},
	} {
		if got := names(t, w, test.roots, test.also); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	w.asked = nil
	names(t, w, root, nil)
	if want := []string{"Kustomization", "HelmRepository", "HelmRelease"}; !slices.Equal(w.asked, want) {
		t.Errorf("asked for %v, want each kind that an inventory lists, once: %v", w.asked, want)
	}
}

// One that has been created before its bringer has an inventory is no root. Of those that bring each other none is one.
func TestRoots(t *testing.T) {
	t.Parallel()
	child := brought("apps", yes)
	child.Labels = map[string]string{kustomizev1.GroupVersion.Group + "/name": "root", kustomizev1.GroupVersion.Group + "/namespace": "flux-system"}
	if got := (&world{objects: []client.Object{brought("root", no), child}}).walker(); got.load("") != nil || len(got.roots()) != 1 {
		t.Errorf("while the root applies: roots %v", got.roots())
	}
	if got := (&world{objects: []client.Object{brought("root", yes), child}}).walker(); got.load("") != nil || len(got.roots()) != 2 {
		t.Errorf("one that was left behind: roots %v", got.roots())
	}
	circle := &world{objects: []client.Object{brought("root", yes, aUnit), brought("apps", yes, itself)}}
	if got := names(t, circle, nil, nil); got != "flux-system/apps flux-system/root<apps" {
		t.Errorf("a circle: %s", got)
	}
}

// What cannot be read is said, if it is a part; nothing is said while it is not known yet.
func TestPartsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		phase  report.Phase
		reason string
	}{
		"not served": {&apimeta.NoKindMatchError{}, report.PhaseAbsent, "does not serve its kind yet"},
		"forbidden":  {errors.New("forbidden"), report.PhaseUnknown, "tried again: forbidden"},
		"not yet":    {live.ErrNotYet, "", ""},
	} {
		w := &world{objects: []client.Object{brought("root", yes, aRelease)}, unread: map[string]error{"HelmRelease": test.err}}
		units, err := w.walker().units(nil, nil)
		if err != nil || test.phase == "" && len(units) != 1 {
			t.Errorf("%s: %+v, %v", name, units, err)
		}
		if test.phase != "" && (len(units) != 2 || units[1].Phase != test.phase || !strings.Contains(units[1].Reason, test.reason)) {
			t.Errorf("%s: %+v", name, units)
		}
	}
}

// What a part needs is named if it is a unit too: with that, what waits for one broken source is one thing to look at.
func TestNeedsOfParts(t *testing.T) {
	t.Parallel()
	release := &helmv2.HelmRelease{ObjectMeta: named("apps", "blog")}
	release.Spec.DependsOn = []helmv2.DependencyReference{{Name: "db"}, {Name: "pgo", Namespace: "operators"}}
	release.Spec.Chart = &helmv2.HelmChartTemplate{}
	release.Spec.Chart.Spec.SourceRef = helmv2.CrossNamespaceObjectReference{Kind: "HelmRepository", Name: "charts", Namespace: "flux-system"}
	secret := &esv1.ExternalSecret{ObjectMeta: named("apps", "login")}
	secret.Spec.SecretStoreRef = esv1.SecretStoreRef{Kind: "ClusterSecretStore", Name: "vault"}
	root := brought("root", yes, aRelease, aRepository, aSecret, aStore)
	root.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "not-a-unit"}
	w := &world{objects: []client.Object{
		root, release, secret, &sourcev1.HelmRepository{ObjectMeta: named("flux-system", "charts")}, &esv1.ClusterSecretStore{ObjectMeta: named("", "vault")},
	}}
	units, err := w.walker().units(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"[]", "[helmrelease/apps/db helmrelease/operators/pgo helmrepository/flux-system/charts]", "[]", "[clustersecretstore/vault]", "[]",
	} {
		if got := fmt.Sprint(units[i].Needs); got != want {
			t.Errorf("%s needs %s, want %s", units[i], got, want)
		}
	}
}

// Each kind of part, as its controller describes it.
func TestStateOfParts(t *testing.T) {
	t.Parallel()
	said := func(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
		c := condition(kind, status, reason)
		c.Message = message
		return c
	}
	release := func(observed int64, suspend bool, conditions ...metav1.Condition) client.Object {
		h := &helmv2.HelmRelease{ObjectMeta: named("apps", "blog")}
		h.Status.ObservedGeneration, h.Status.Conditions, h.Spec.Suspend = observed, conditions, suspend
		return h
	}
	secret := func(status corev1.ConditionStatus, message string) client.Object {
		e := &esv1.ExternalSecret{ObjectMeta: named("apps", "login")}
		e.Status.Conditions = []esv1.ExternalSecretStatusCondition{{Type: esv1.ExternalSecretReady, Status: status, Message: message}}
		return e
	}
	failed := said(meta.ReadyCondition, no, helmv2.InstallFailedReason, "Helm install failed: timed out")
	static := &sourcev1.HelmRepository{ObjectMeta: named("flux-system", "charts")}
	static.Spec.Type = sourcev1.HelmRepositoryTypeOCI
	repository := &sourcev1.GitRepository{ObjectMeta: named("flux-system", "x")}
	repository.Status.Conditions = []metav1.Condition{said(meta.ReadyCondition, no, sourcev1.AuthenticationFailedReason, "no such user")}
	repository.Status.ObservedGeneration = 1
	for name, test := range map[string]struct {
		object          client.Object
		phase           report.Phase
		ready           bool
		failed, stalled bool
		reason          string
	}{
		"new":           {release(-1, false), report.PhaseQueued, false, false, false, "not seen by helm-controller yet"},
		"waits":         {release(-1, false, said(meta.ReadyCondition, no, helmv2.DependencyNotReadyReason, "dependency 'apps/db' is not ready")), report.PhaseDepends, false, false, false, "apps/db"},
		"no chart":      {release(-1, false, said(meta.ReadyCondition, no, "SourceNotReady", "HelmChart 'x' is not ready")), report.PhaseSource, false, false, false, "HelmChart"},
		"no artifact":   {release(-1, false, said(meta.ReadyCondition, no, helmv2.ArtifactFailedReason, "Could not load chart")), report.PhaseSource, false, false, false, "load"},
		"installs":      {release(-1, false, said(meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "Running 'install'")), report.PhaseWorking, false, false, false, "Running"},
		"failed":        {release(-1, false, failed), report.PhaseFailed, false, true, false, "timed out"},
		"without value": {release(-1, false, said(meta.ReadyCondition, no, "ValuesError", "no Secret")), report.PhaseFailed, false, false, false, "no Secret"},
		"stalled":       {release(2, false, failed, said(meta.StalledCondition, yes, "RetriesExceeded", "Failed to install after 1 attempt(s)")), report.PhaseFailed, false, true, true, "attempt(s): Helm install failed: timed out"},
		"ready":         {release(2, false, said(meta.ReadyCondition, yes, helmv2.InstallSucceededReason, "")), report.PhaseReady, true, false, false, ""},
		"changed":       {release(1, false, said(meta.ReadyCondition, yes, helmv2.InstallSucceededReason, "")), report.PhaseQueued, false, false, false, "newest generation"},
		"suspended":     {release(2, true, said(meta.ReadyCondition, yes, helmv2.InstallSucceededReason, "")), report.PhaseSuspended, true, false, false, "suspended"},
		"paused early":  {release(-1, true, failed), report.PhaseSuspended, false, false, false, "suspended"},
		"refused":       {repository, report.PhaseFailed, false, false, false, "no such user"},
		"static":        {static, report.PhaseReady, true, false, false, ""},
		"synced":        {secret(corev1.ConditionTrue, ""), report.PhaseReady, true, false, false, ""},
		"not synced":    {secret(corev1.ConditionFalse, "could not get secret data from provider"), report.PhaseFailed, false, false, false, "provider"},
		"old secret": {func() client.Object {
			e, _ := secret(corev1.ConditionTrue, "").(*esv1.ExternalSecret)
			e.Status.SyncedResourceVersion = "1-abc"
			return e
		}(), report.PhaseQueued, false, false, false, "newest generation"},
		"no store": {secret(corev1.ConditionFalse, `ClusterSecretStore "vault" is not ready`), report.PhaseSource, false, false, false, "vault"},
		"store":    {&esv1.SecretStore{ObjectMeta: named("apps", "vault")}, report.PhaseQueued, false, false, false, "External Secrets Operator"},
	} {
		id := ID{strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", test.object)[strings.Index(fmt.Sprintf("%T", test.object), "."):], ".")), test.object.GetNamespace(), test.object.GetName()}
		u := (&walker{objects: map[ID]client.Object{id: test.object}, seen: map[ID]Unit{}}).state(id)
		if u.Phase != test.phase || u.Ready != test.ready || u.Failed != test.failed || u.Stalled != test.stalled || !strings.Contains(u.Reason, test.reason) || (u.Reason == "") != (test.reason == "") {
			t.Errorf("%s: phase %s, ready %v, failed %v, stalled %v, %q", name, u.Phase, u.Ready, u.Failed, u.Stalled, u.Reason)
		}
	}
}

// What may pass by itself is told of when it has lasted, however often it was tried in between.
func TestPatienceWithParts(t *testing.T) {
	t.Parallel()
	id, tree, start := ID{"gitrepository", "flux-system", "x"}, &Tree{}, time.Now()
	for i, test := range []struct {
		after  time.Duration
		phase  report.Phase
		failed bool
		again  time.Duration
	}{
		{0, report.PhaseFailed, false, lasting},
		{10 * time.Second, report.PhaseWorking, false, 0},
		{11 * time.Second, report.PhaseFailed, false, 4 * time.Second},
		{15 * time.Second, report.PhaseFailed, true, 0},
		{16 * time.Second, report.PhaseReady, false, 0},
		{17 * time.Second, report.PhaseFailed, false, lasting},
		{20 * time.Second, report.PhaseSource, false, 0},
		{33 * time.Second, report.PhaseFailed, false, lasting},
	} {
		units := []Unit{{ID: id, Phase: test.phase, Ready: test.phase == report.PhaseReady}, {ID: ID{Name: "unit"}, Phase: test.phase, Ready: test.phase == report.PhaseReady}}
		again := tree.patience(units, start.Add(test.after))
		if units[0].Failed != test.failed || again != test.again || units[1].Failed != test.failed {
			t.Errorf("%d: failed %v, again after %s; Kustomization %v", i, units[0].Failed, again, units[1].Failed)
		}
	}
}
