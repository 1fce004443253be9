package follow

import (
	"errors"
	"fmt"
	"slices"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/report"
)

// walker goes through the tree at one moment.
type walker struct {
	// list is all objects of a kind, or why they cannot be read.
	list func(kind) ([]client.Object, error)
	seen map[ID]Unit
	now  time.Time

	objects map[ID]client.Object
	listed  map[string]error // by the ID's kind
}

// units are all of the tree, each root before what it brought and each Kustomization before its parts; then also, if they
// are not among those. No roots are all Kustomizations that no other one brings. It fails if nothing is known of Kustomizations.
func (w *walker) units(roots, also []ID) ([]Unit, error) {
	w.objects, w.listed = map[ID]client.Object{}, map[string]error{}
	if err := w.load(""); err != nil && !stale(err) {
		return nil, err
	}
	named := len(roots) > 0
	if !named {
		roots = w.roots()
	}
	t := &tree{walker: w, at: map[ID]int{}, isRoot: map[ID]bool{}}
	for _, root := range roots {
		t.isRoot[root] = true
	}
	for _, root := range roots {
		t.walk(root)
	}
	if !named { // of those that bring each other none is a root
		for _, id := range w.kustomizations() {
			t.walk(id)
		}
	}
	for _, id := range also {
		t.add(id, ID{})
	}
	t.connect()
	return t.units, nil
}

// load takes in all objects of a kind.
func (w *walker) load(id string) error {
	if err, done := w.listed[id]; done {
		return err
	}
	k, known := kindOf(id)
	if !known {
		return fmt.Errorf("seed does not know the kind %q", id)
	}
	objects, err := w.list(k)
	w.listed[id] = err
	for _, o := range objects {
		w.objects[ID{id, o.GetNamespace(), o.GetName()}] = o
	}
	return err
}

// stale tells that a kind cannot be read any more; what was known last is there.
func stale(err error) bool {
	_, is := errors.AsType[live.Stale](err)
	return is
}

// inBetween tells that a kind which was looked at could be read until a moment ago. What was known last must not be judged:
// it is either known again soon, or known to be lost.
func (w *walker) inBetween() bool {
	for _, err := range w.listed {
		if old, is := errors.AsType[live.Stale](err); is && !old.Lasting {
			return true
		}
	}
	return false
}

// answered tells whether each kind that was asked for has been read, or cannot be.
func (w *walker) answered() bool {
	for _, err := range w.listed {
		if errors.Is(err, live.ErrNotYet) {
			return false
		}
	}
	return true
}

// kustomizations are all that are there, sorted.
func (w *walker) kustomizations() []ID {
	var all []ID
	for id := range w.objects {
		if !id.Part() {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, func(a, b ID) int { return compare(a, b) })
	return all
}

// roots are the Kustomizations that no other one brings. Whose label names one that is not Ready yet will be in the
// inventory of that one.
func (w *walker) roots() []ID {
	all := w.kustomizations()
	brought := map[ID]bool{}
	for _, id := range all {
		for _, child := range w.brings(id) {
			brought[child] = brought[child] || child != id // a root holds itself
		}
		labels, group := w.objects[id].GetLabels(), kustomizev1.GroupVersion.Group
		owner := ID{Namespace: labels[group+"/namespace"], Name: labels[group+"/name"]}
		if o := w.objects[owner]; o != nil && owner != id {
			f := factsOf(o)
			brought[id] = brought[id] || phase(&f) != report.PhaseReady
		}
	}
	return slices.DeleteFunc(all, func(id ID) bool { return brought[id] })
}

func (w *walker) brings(id ID) []ID {
	k, ok := w.objects[id].(*kustomizev1.Kustomization)
	if !ok {
		return nil
	}
	return brings(k)
}

// tree is what was walked by now.
type tree struct {
	*walker
	units  []Unit
	at     map[ID]int
	isRoot map[ID]bool
}

func (t *tree) walk(root ID) {
	queue, by := []ID{root}, map[ID]ID{}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if !t.add(id, by[id]) {
			continue
		}
		brought := t.brings(id)
		for _, child := range brought {
			if child.Part() {
				t.add(child, id)
			}
		}
		for _, child := range brought {
			if child.Part() {
				continue
			}
			if _, known := by[child]; !known && !t.isRoot[child] && child != root {
				by[child] = id
			}
			queue = append(queue, child)
		}
	}
}

// add judges one unit, unless it was before.
func (t *tree) add(id, by ID) bool {
	if _, known := t.at[id]; known {
		return false
	}
	unit := Unit{ID: id}
	switch err := t.load(id.Kind); {
	case errors.Is(err, live.ErrNotYet):
		return false
	case err != nil && live.NotServed(err):
		unit.Phase, unit.Reason = report.PhaseAbsent, "the API server does not serve its kind yet"
	case err != nil:
		if stale(err) { // what it is made of stays
			unit = t.state(id)
			unit.Ready, unit.Failed, unit.Stalled, unit.At = false, false, false, t.seen[id].At
		}
		unit.Phase, unit.Reason = report.PhaseUnknown, "it cannot be read, which is tried again: "+err.Error()
	default:
		unit = t.state(id)
	}
	unit.By = by
	t.at[id] = len(t.units)
	t.units = append(t.units, unit)
	return true
}

// connect adds to what units need their sources and stores, those that are units too.
func (t *tree) connect() {
	for i := range t.units {
		o := t.objects[t.units[i].ID]
		if o == nil {
			continue
		}
		for _, source := range factsOf(o).sources {
			if _, known := t.at[source]; known {
				t.units[i].Needs = append(t.units[i].Needs, source)
			}
		}
	}
}
