// Package follow watches the tree of Kustomizations, with the parts that they bring, and Flux itself until it runs. It only
// reads.
package follow

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/report"
)

// Tree is what is followed.
type Tree struct {
	Cache *live.Cache
	// Roots are followed through the inventories; none are all Kustomizations that no other one brings.
	Roots []types.NamespacedName
	// Also are units whether or not an inventory lists them.
	Also []ID
	Log  *slog.Logger
	// Changed gets all units, in the order in which the tree was walked, and those among them whose state is another than
	// before, whenever there are such or one is gone; true ends it, but not before parts that were only just asked for are
	// among the units, or cannot be read.
	Changed func(all, changed []Unit) (done bool)

	list    func(live.Query) ([]client.Object, error)
	seen    map[ID]Unit
	failing map[ID]time.Time // since when it has not been Ready again
	blind   string           // why nothing can be read, as it was told last
	told    bool             // Changed was called
	enough  time.Time        // when Changed said so; zero is not yet
}

// unanswered is how long the end waits at most for an API server that does not answer what it was asked for parts.
const unanswered = 5 * time.Second

// Follow calls Changed until that is done, or ctx ends: with the cause of that.
func (t *Tree) Follow(ctx context.Context) error {
	t.seen, t.failing = map[ID]Unit{}, map[ID]time.Time{}
	reader := t.Cache.Reader()
	defer reader.Close()
	t.list = reader.List
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-reader.Changes():
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		done, again := t.judge(time.Now())
		if done {
			return nil
		}
		if again > 0 {
			timer.Reset(again)
		}
	}
}

// judge tells what has changed, and after how long it has to be asked again even if nothing changes; 0 is never.
func (t *Tree) judge(now time.Time) (done bool, again time.Duration) {
	roots := make([]ID, 0, len(t.Roots))
	for _, root := range t.Roots {
		roots = append(roots, ID{Namespace: root.Namespace, Name: root.Name})
	}
	w := &walker{seen: t.seen, now: now, list: func(k kind) ([]client.Object, error) { return t.list(k.query()) }}
	units, err := w.units(roots, t.Also)
	if errors.Is(err, live.ErrNotYet) {
		return false, 0 // the cache tells when it is known
	}
	if w.inBetween() { // nothing is judged, but what was enough does not wait longer for that
		return t.ended(false, now, 0)
	}
	if err != nil {
		if units = t.unread(roots, err); len(units) == 0 && len(t.seen) == 0 {
			return false, 0
		}
	}
	again = t.patience(units, now)
	var changed []Unit
	seen := make(map[ID]Unit, len(units))
	for _, unit := range units {
		if before, known := t.seen[unit.ID]; !known || unit.differs(before) {
			changed = append(changed, unit)
		}
		seen[unit.ID] = unit
	}
	news := len(changed) > 0 || !t.told || anyGone(t.seen, seen)
	t.seen, t.told = seen, true
	if news {
		switch enough := t.Changed(units, changed); {
		case !enough: // it may have been, and is no more
			t.enough = time.Time{}
		case t.enough.IsZero():
			t.enough = now
		}
	}
	return t.ended(w.answered(), now, again)
}

// ended tells whether it is enough, and that nothing is on its way which is asked for since a moment only: a tree that stands
// already is known before its parts are. Otherwise again is when to look at the latest.
func (t *Tree) ended(answered bool, now time.Time, again time.Duration) (bool, time.Duration) {
	if t.enough.IsZero() {
		return false, again
	}
	rest := unanswered - now.Sub(t.enough)
	if answered || rest <= 0 {
		return true, 0
	}
	if again == 0 || rest < again {
		again = rest
	}
	return false, again
}

func anyGone(before, now map[ID]Unit) bool {
	for id := range before {
		if _, there := now[id]; !there {
			return true
		}
	}
	return false
}

// unread are the roots if nothing can be read: Flux' CRDs may come later, and may be gone.
func (t *Tree) unread(roots []ID, err error) []Unit {
	why := "Kustomizations cannot be read, and it is tried again: " + err.Error()
	if live.NotServed(err) {
		why = "the API server does not serve Kustomizations yet: Flux' CRDs have to come"
	}
	if t.blind != why && len(roots) == 0 { // else the units tell
		t.Log.Warn(why + "; is this the cluster that you mean?")
	}
	t.blind = why
	var units []Unit
	for _, root := range roots {
		units = append(units, Unit{ID: root, Phase: report.PhaseAbsent, Reason: why})
	}
	return units
}

// patience calls a unit failed if it has not been anything better for a while, and tells when to look again.
func (t *Tree) patience(units []Unit, now time.Time) (again time.Duration) {
	failing := map[ID]time.Time{}
	for i := range units {
		u := &units[i]
		since, known := t.failing[u.ID]
		waits := u.Phase.Waits() || u.Phase == report.PhaseSuspended
		if u.Ready || waits || !known && u.Phase != report.PhaseFailed {
			continue
		}
		if !known {
			since = now
		}
		failing[u.ID] = since
		if u.Failed || u.Phase != report.PhaseFailed {
			continue
		}
		rest := lasting - now.Sub(since)
		if u.Failed = rest <= 0; !u.Failed && (again == 0 || rest < again) {
			again = rest
		}
	}
	t.failing = failing
	return again
}

func compare(a, b ID) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
