//go:build apiserver

package api_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/report"
)

const aRelease = "flux-system_NAME_helm.toolkit.fluxcd.io_HelmRelease"

// brings adds to the inventory of a Kustomization.
func brings(t *testing.T, live cluster.Client, name string, ids ...string) {
	t.Helper()
	var k kustomizev1.Kustomization
	if err := live.Get(t.Context(), types.NamespacedName{Namespace: "flux-system", Name: name}, &k); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: id, Version: "v1"})
	}
	if err := live.Status().Update(t.Context(), &k); err != nil {
		t.Fatal(err)
	}
}

// release creates a HelmRelease.
func release(t *testing.T, live cluster.Client, name string) *helmv2.HelmRelease {
	t.Helper()
	h := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: name}}
	h.Spec.Interval = metav1.Duration{Duration: time.Hour}
	h.Spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: "OCIRepository", Name: "chart"}
	create(t, live, h)
	return h
}

// released plays helm-controller.
func released(t *testing.T, live cluster.Client, h *helmv2.HelmRelease, conditions ...metav1.Condition) {
	t.Helper()
	for i := range conditions {
		conditions[i].LastTransitionTime, conditions[i].ObservedGeneration = metav1.Now(), h.Generation
	}
	h.Status.Conditions, h.Status.ObservedGeneration = conditions, h.Generation
	if err := live.Status().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
}

// externalSecrets defines ExternalSecrets, as far as these tests need it.
func externalSecrets() *unstructured.Unstructured {
	free := map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "externalsecrets.external-secrets.io"},
		"spec": map[string]any{
			"group": "external-secrets.io", "scope": "Namespaced", "names": map[string]any{"plural": "externalsecrets", "kind": "ExternalSecret"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": free}}},
		},
	}}
}

// A part is a unit as soon as an inventory lists it, also when its kind comes later than that.
func TestFollowTakesUpALateKind(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "late")
	reconcile(t, live, "late", metav1.ConditionTrue, "applied")
	brings(t, live, "late", "flux-system_login_external-secrets.io_ExternalSecret")
	partReady := func(all []follow.Unit) bool { return len(all) == 2 && all[1].Ready }
	changed, ended := told(t, live, []types.NamespacedName{root}, nil, partReady)
	next(t, changed, "flux-system/late", report.PhaseReady, "")
	next(t, changed, "externalsecret/flux-system/login", report.PhaseAbsent, "does not serve its kind yet")

	definition := externalSecrets()
	t.Cleanup(func() {
		if err := live.Delete(context.Background(), definition); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
	if _, err := apply.New(live).Apply(t.Context(), kustomization("eso"), []*unstructured.Unstructured{definition}); err != nil {
		t.Fatal(err)
	}
	next(t, changed, "externalsecret/flux-system/login", report.PhaseAbsent, "not in the cluster yet")
	secret := &esv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "login"}}
	if err := live.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	next(t, changed, "externalsecret/flux-system/login", report.PhaseQueued, "not seen by External Secrets Operator yet")
	secret.Status.Conditions = []esv1.ExternalSecretStatusCondition{{Type: esv1.ExternalSecretReady, Status: corev1.ConditionTrue, Reason: esv1.ConditionReasonSecretSynced}}
	if err := live.Update(t.Context(), secret); err != nil { // the definition has no subresource
		t.Fatal(err)
	}
	u := next(t, changed, "externalsecret/flux-system/login", report.PhaseReady, "")
	if u.By.String() != "flux-system/late" || !u.Part() {
		t.Errorf("the part is %+v, by %s", u.ID, u.By)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// born is a birth that follows a tree of the namespace flux-system; its Events go into the channel.
func born(t *testing.T, live cluster.Client, root types.NamespacedName) (*birth.Birth, chan string) {
	t.Helper()
	events := make(chan string, 20)
	return &birth.Birth{
		Bundle: &bundle.Bundle{Root: kustomization(root.Name), Source: &sourcev1.GitRepository{}}, Cluster: live, Report: &report.Report{},
		Log:   slog.New(slog.NewTextHandler(t.Output(), nil)),
		Event: func(_ context.Context, reason, message string) { events <- reason + ": " + message },
	}, events
}

func goal(t *testing.T, text string) birth.Goal {
	t.Helper()
	g, err := birth.ParseGoal(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func suspend(t *testing.T, live cluster.Client, object client.Object) {
	t.Helper()
	if err := live.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"suspend":true}}`))); err != nil {
		t.Fatal(err)
	}
}

// What is suspended is not waited for, nor is what depends on it; the end says so. Who names it, or what waits for it, is
// told at once that it will never be.
func TestFollowLeavesAloneWhatIsSuspended(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "calm", "calm-paused", "calm-behind", "calm-ready")
	suspend(t, live, unit("flux-system", "calm-paused"))
	behind := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"dependsOn":[{"name":"calm-paused"}]}}`))
	if err := live.Patch(t.Context(), unit("flux-system", "calm-behind"), behind); err != nil {
		t.Fatal(err)
	}
	reconcileBecause(t, live, "calm-behind", metav1.ConditionFalse, meta.DependencyNotReadyReason, "dependency 'flux-system/calm-paused' is not ready")
	reconcile(t, live, "calm-ready", metav1.ConditionTrue, "applied")
	reconcile(t, live, "calm", metav1.ConditionTrue, "applied", "calm-paused", "calm-behind", "calm-ready")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, events := born(t, live, root)
	if err := b.Follow(ctx); err != nil || len(events) > 0 {
		t.Errorf("Follow: %v, %d Events", err, len(events))
	}
	if line := b.Report.Stood(); !strings.Contains(line, "all 2 Kustomizations are Ready; suspended, so not waited for: calm-paused") || !strings.Contains(line, "calm-behind") {
		t.Errorf("it ends with %q", line)
	}
	for _, name := range []string{"ks/calm-paused", "ks/calm-behind"} {
		b, events := born(t, live, root)
		b.Until = []birth.Goal{goal(t, name)}
		err := b.Follow(ctx)
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "flux-system/calm-paused is suspended") {
			t.Errorf("Follow until %s: %v", name, err)
		}
		if event := <-events; !strings.HasPrefix(event, "TreeCannotStand: ") {
			t.Errorf("the Event is %q", event)
		}
	}
}

// With a goal nothing else is waited for, neither in the tree nor beside it.
func TestFollowUntil(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "until", "until-stuck", "until-app")
	reconcile(t, live, "until", metav1.ConditionTrue, "applied", "until-stuck", "until-app")
	reconcile(t, live, "until-stuck", metav1.ConditionFalse, "will not do")
	reconcile(t, live, "until-app", metav1.ConditionTrue, "applied")
	brings(t, live, "until-app", strings.Replace(aRelease, "NAME", "until-release", 1))
	h := release(t, live, "until-release")
	changed := make(chan string, 100)
	r := &report.Report{}
	f := &birth.Following{
		Cluster: live, Roots: []types.NamespacedName{root}, Until: []birth.Goal{goal(t, "ks/until-app"), goal(t, "hr/until-release")}, Report: r, ReadOnly: true,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Changed: func() { changed <- r.MissingLine() },
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	for line := range changed {
		if strings.Contains(line, "helmrelease/flux-system/until-release: not seen by helm-controller") {
			break
		}
	}
	released(t, live, h, metav1.Condition{Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: helmv2.InstallSucceededReason})
	if err := <-ended; err != nil || !r.Reached() || r.Stands() || strings.Join(r.Until, " ") != "flux-system/until-app helmrelease/flux-system/until-release" {
		t.Errorf("Run: %v, the goal %v is reached: %v", err, r.Until, r.Reached())
	}
	var table strings.Builder
	if err := r.Table(&table); err != nil || !strings.Contains(table.String(), "not waited for  everything        the goal stood first; 3 of 4 units are Ready") {
		t.Errorf("%v: the table is\n%s", err, &table)
	}
}

// At the deadline the error says what is missing, by cause.
func TestFollowEndsAtTheDeadline(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "slow", "slow-app")
	reconcile(t, live, "slow", metav1.ConditionTrue, "applied", "slow-app")
	reconcile(t, live, "slow-app", metav1.ConditionFalse, "the image cannot be pulled")
	for limit := time.Second; limit < time.Minute; limit *= 2 {
		b, events := born(t, live, root)
		b.Deadline, b.Until = limit, []birth.Goal{goal(t, "ks/slow-app"), goal(t, "ks/none-such")}
		err := b.Follow(t.Context())
		late, ok := errors.AsType[birth.Deadline](err)
		if !ok || late.After != limit {
			t.Fatalf("Follow: %v", err)
		}
		if len(b.Report.Units) == 0 { // on a machine that stalls it has not seen the tree by then
			continue
		}
		event := <-events
		for _, want := range []string{"slow-app: the image cannot be pulled", "none-such: not in the cluster yet"} {
			if !strings.Contains(late.Error(), want) || !strings.Contains(event, want) || !strings.HasPrefix(event, "DeadlineExceeded: ") {
				t.Errorf("no %q in the Event %q and the error %q", want, event, late)
			}
		}
		return
	}
	t.Error("it has never seen the tree")
}

// A HelmRelease that is stalled is told of once, with what Helm said; it holds up nobody.
func TestFollowTellsOfAStalledRelease(t *testing.T) {
	live := newClient(t, admin)
	root := tree(t, live, "stalled", "stalled-app")
	reconcile(t, live, "stalled", metav1.ConditionTrue, "applied", "stalled-app")
	brings(t, live, "stalled", strings.Replace(aRelease, "NAME", "stalled-release", 1))
	h := release(t, live, "stalled-release")
	fails := func(attempts string) {
		released(
			t, live, h,
			metav1.Condition{Type: meta.ReadyCondition, Status: metav1.ConditionFalse, Reason: helmv2.InstallFailedReason, Message: "Helm install failed: no such kind"},
			metav1.Condition{Type: meta.StalledCondition, Status: metav1.ConditionTrue, Reason: "RetriesExceeded", Message: "Failed to install after " + attempts + " attempt(s)"},
		)
	}
	b, events := born(t, live, root)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- b.Follow(ctx) }()
	fails("1")
	event := <-events
	for _, want := range []string{"UnitNotReady: HelmRelease flux-system/stalled-release", "does not try again before it is changed", "Helm install failed: no such kind"} {
		if !strings.Contains(event, want) {
			t.Errorf("no %q in %q", want, event)
		}
	}
	fails("2")
	reconcile(t, live, "stalled-app", metav1.ConditionTrue, "applied")
	if err := <-ended; err != nil || len(events) > 0 {
		t.Errorf("Follow: %v, %d more Events", err, len(events))
	}
	if u := b.Report.Units[1]; !u.Part || !u.Stalled || u.By != "flux-system/stalled" || u.Name != "helmrelease/flux-system/stalled-release" {
		t.Errorf("units %+v", b.Report.Units)
	}
}

// For ever: the tree has stood, and what comes and goes later is followed too, whoever brings it.
func TestFollowForEver(t *testing.T) {
	t.Parallel()
	live := newClient(t, admin)
	if _, err := apply.New(live).Apply(t.Context(), kustomization("flux"), definitions(t)); err != nil {
		t.Fatal(err)
	}
	r := &report.Report{}
	changed := make(chan map[string]bool, 1000)
	f := &birth.Following{
		Cluster: live, Report: r, ReadOnly: true, Forever: true, Log: slog.New(slog.DiscardHandler), Changed: func() {
			ready := map[string]bool{}
			for _, u := range r.Units {
				ready[u.Name] = u.Ready
			}
			changed <- ready
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	expect := func(there, ready bool) {
		t.Helper()
		for {
			select {
			case units := <-changed:
				if got, is := units["flux-system/later"]; is == there && got == ready {
					return
				}
			case err := <-ended:
				t.Fatalf("it has ended: %v", err)
			}
		}
	}
	expect(false, false)
	for range 2 {
		k := kustomization("later")
		if err := live.Create(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		expect(true, false)
		reconcile(t, live, "later", metav1.ConditionTrue, "applied")
		expect(true, true)
		if err := live.Delete(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		expect(false, false)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}
