// Package follow watches the tree of Kustomizations until it stands, and Flux itself until it runs. It only reads.
package follow

import (
	"context"
	"fmt"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/report"
)

// Unit is what is known of one Kustomization of the tree.
type Unit struct {
	Key types.NamespacedName
	// Ready tells whether it is reconciled at its newest generation.
	Ready bool
	// At is when Ready was first seen true; for one that was Ready before, when its condition says so.
	At time.Time
	// Reason says why it is not Ready: the condition's message, or what is missing.
	Reason string
	// Failed tells whether Flux's last try of it has ended without success; Flux goes on trying.
	Failed bool
	// Revision is what was applied last.
	Revision string
	// Phase is what it does or waits for.
	Phase report.Phase
	// Created is when it was created, in whole seconds; zero while it is not there.
	Created time.Time
	// Since is when its condition last became what it is, in whole seconds.
	Since time.Time
	// By is the one whose inventory has it, empty for the root; Needs are those that it depends on.
	By    types.NamespacedName
	Needs []types.NamespacedName
	// Workload tells that it runs something of its own, Checked that Ready says so of what it runs.
	Workload, Checked bool
}

// Tree follows root and, through the inventories, every Kustomization that it brought, until all are
// Ready. It calls changed whenever a unit's state is another than before. A suspended unit is an error:
// it would never become Ready. The result is in the order in which the tree was walked.
func Tree(ctx context.Context, live client.WithWatch, root types.NamespacedName, changed func(Unit)) ([]Unit, error) {
	f := &follower{root: root, changed: changed, live: map[types.NamespacedName]*kustomizev1.Kustomization{}, seen: map[types.NamespacedName]Unit{}}
	list := cluster.ListWatch(live, &kustomizev1.KustomizationList{}, client.ListOptions{})
	f.served(ctx, live)
	// The reflector behind it lists, watches, and does both again by itself when the API server goes away.
	_, err := watchtools.UntilWithSync(ctx, list, &kustomizev1.Kustomization{}, f.synced, f.event)
	if err != nil {
		return f.units(), fmt.Errorf("following Kustomization %s: %w%s", root, err, f.missing())
	}
	return f.units(), nil
}

// served reports if nothing can be followed yet: the reflector waits for that without a word. Who else than seed manages
// Flux may bring the kind later.
func (f *follower) served(ctx context.Context, live client.Reader) {
	err := live.List(ctx, &kustomizev1.KustomizationList{}, client.Limit(1))
	if err == nil || ctx.Err() != nil {
		return
	}
	unit := Unit{Key: f.root, Reason: "Kustomizations cannot be read, and it is tried again: " + err.Error()}
	if apimeta.IsNoMatchError(err) {
		unit.Reason = "the API server does not serve Kustomizations yet: Flux' CRDs have to come"
	}
	f.seen[f.root] = unit
	f.changed(unit)
}

type follower struct {
	root    types.NamespacedName
	changed func(Unit)
	live    map[types.NamespacedName]*kustomizev1.Kustomization
	seen    map[types.NamespacedName]Unit
}

// synced takes in everything that is there at first, before it judges.
func (f *follower) synced(store cache.Store) (bool, error) {
	for _, object := range store.List() {
		f.take(watch.Added, object)
	}
	return f.judge()
}

// event takes one change in and judges.
func (f *follower) event(e watch.Event) (bool, error) {
	f.take(e.Type, e.Object)
	return f.judge()
}

func (f *follower) take(change watch.EventType, object any) {
	k, ok := object.(*kustomizev1.Kustomization)
	if !ok {
		return
	}
	key := client.ObjectKeyFromObject(k)
	f.live[key] = k
	if change == watch.Deleted {
		delete(f.live, key)
	}
}

// judge reports what changed and tells whether the tree stands.
func (f *follower) judge() (bool, error) {
	stands := true
	for _, unit := range f.units() {
		if before, known := f.seen[unit.Key]; !known || before.Ready != unit.Ready || before.Reason != unit.Reason || before.Phase != unit.Phase {
			f.seen[unit.Key] = unit
			f.changed(unit)
		}
		if k := f.live[unit.Key]; k != nil && k.Spec.Suspend {
			return false, fmt.Errorf("Kustomization %s is suspended and would never become Ready: resume it in Git", unit.Key)
		}
		stands = stands && unit.Ready
	}
	return stands, nil
}

// units walks the tree from the root through the inventories.
func (f *follower) units() []Unit {
	var units []Unit
	visited, by := map[types.NamespacedName]bool{}, map[types.NamespacedName]types.NamespacedName{}
	queue := []types.NamespacedName{f.root}
	for len(queue) > 0 {
		key := queue[0]
		queue = queue[1:]
		if visited[key] {
			continue
		}
		visited[key] = true
		unit := f.state(key)
		unit.By = by[key]
		units = append(units, unit)
		if k := f.live[key]; k != nil {
			for _, child := range children(k) {
				if _, known := by[child]; !known && child != f.root {
					by[child] = key
				}
				queue = append(queue, child)
			}
		}
	}
	return units
}

// state judges one Kustomization as Flux' own CLI does: observed at its generation, and Ready.
func (f *follower) state(key types.NamespacedName) Unit {
	k := f.live[key]
	unit := Unit{Key: key, Phase: phase(k)}
	if k == nil {
		unit.Reason = "not in the cluster yet"
		return unit
	}
	unit.Revision, unit.Created = k.Status.LastAppliedRevision, k.CreationTimestamp.Time
	unit.Needs, unit.Workload, unit.Checked = needs(k), workload(k), checked(k)
	condition := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
	if unit.Since = unit.Created; condition != nil {
		unit.Since = condition.LastTransitionTime.Time
	}
	switch {
	case condition == nil:
		unit.Reason = "not seen by kustomize-controller yet"
	case condition.Status != metav1.ConditionTrue && condition.ObservedGeneration == k.Generation:
		// Said of this generation, even if Flux does not count one as observed whose reconciliation failed.
		unit.Reason = condition.Message
		unit.Failed = condition.Status == metav1.ConditionFalse &&
			(condition.Reason == meta.HealthCheckFailedReason || condition.Reason == meta.BuildFailedReason)
	case k.Status.ObservedGeneration != k.Generation:
		unit.Reason = "its newest generation is not reconciled yet"
	case condition.Status != metav1.ConditionTrue:
		unit.Reason = condition.Message
	default:
		unit.Ready, unit.At = true, f.since(key, condition.LastTransitionTime.Time)
	}
	return unit
}

// since is when key was seen to become Ready; conditions know whole seconds only, so they speak for the
// units alone that were Ready before seed looked.
func (f *follower) since(key types.NamespacedName, transition time.Time) time.Time {
	if before, known := f.seen[key]; known {
		if before.Ready {
			return before.At
		}
		return time.Now()
	}
	return transition
}

// missing lists, for an error, what did not become Ready.
func (f *follower) missing() string {
	var out strings.Builder
	for _, unit := range f.units() {
		if !unit.Ready {
			fmt.Fprintf(&out, "\n  Kustomization %s: %s", unit.Key, unit.Reason)
		}
	}
	return out.String()
}
