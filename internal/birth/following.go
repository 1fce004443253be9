package birth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/follow"
	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/nudge"
	"github.com/tazlab/seed/internal/report"
)

type (
	// Goal is an object that has to be Ready.
	Goal = follow.Goal
	// Goals are the flag --until.
	Goals = follow.Goals
)

// ParseGoal reads KIND/NAME or KIND/NAMESPACE/NAME, as --until takes it.
func ParseGoal(text string) (Goal, error) { return follow.ParseGoal(text) }

// Following follows a tree until its goal stands, and nudges what waits. Fill the fields, then call Run once.
type Following struct {
	Cluster cluster.Client
	// Roots are whose trees are followed; none are all Kustomizations that no other one brings.
	Roots []types.NamespacedName
	// Until are what has to be Ready; none is all of the tree. One without a namespace is in that of the first root.
	Until []Goal
	// Deadline is how long the goal may take, counted from Run, but not before the first look at it, for which it waits 15 s
	// longer at most; 0 is as long as it takes.
	Deadline time.Duration
	// Forever goes on when the goal stands, for every later change; then nothing but the context ends Run.
	Forever bool
	// ReadOnly nudges nothing.
	ReadOnly bool
	// RequirePolicy nudges nothing before the API server has refused this account any other change: see nudge.Refusal.
	RequirePolicy bool
	// Proven is called once it has; nil tells nobody.
	Proven func()
	Log    *slog.Logger
	Report *report.Report
	// Changed is called after each change of Report, with the lock held that guards it; nil tells nobody. See Read.
	Changed func()
	// Nudged is called for each request to Flux; nil tells nobody.
	Nudged func(kind, cause string)

	birth *Birth // whose following it is; nil is nobody's
	alone sync.Mutex
	known bool // there was a first look at all that is waited for
	goals []follow.ID
	told  map[follow.ID]map[string]bool
	names []string // the units in their order
	done  bool     // the goal stands; with Forever, it has stood
	late  bool     // the deadline has passed
}

// lateAnswer is how long a deadline waits at most for the first look.
const lateAnswer = 15 * time.Second

// errTimeIsUp is the cause of a context that has ended at the deadline.
var errTimeIsUp = errors.New("the deadline has passed")

// Run follows until the goal stands. It ends with a Deadline, with an error that says why the goal can never stand, or with
// the cause of ctx.
func (f *Following) Run(ctx context.Context) error {
	f.told = map[follow.ID]map[string]bool{}
	f.Report.Until = nil
	for _, goal := range f.Until {
		id := goal.In(f.namespace())
		f.goals = append(f.goals, id)
		f.Report.Until = append(f.Report.Until, id.String())
	}
	following, end := context.WithCancelCause(ctx)
	defer end(nil)
	cache := live.New(following, f.Cluster, f.Log)
	var beside sync.WaitGroup
	beside.Go(func() { f.watchFlux(following, cache) })
	if !f.ReadOnly {
		beside.Go(func() {
			nudge.Run(following, nudge.Options{
				Cache: cache, Roots: f.Roots, Log: f.Log, Asked: f.nudged, RequirePolicy: f.RequirePolicy, Proven: f.Proven,
			})
		})
	}
	looked, look := context.WithCancel(following)
	defer look()
	if f.Deadline > 0 {
		beside.Go(func() { f.untilDeadline(following, looked, end) })
	}
	var never error
	tree := follow.Tree{Cache: cache, Roots: f.Roots, Also: f.goals, Log: f.Log, Changed: func(all, changed []follow.Unit) bool {
		f.alone.Lock()
		defer f.alone.Unlock()
		if f.known = f.known || f.knows(all); f.known {
			look()
		}
		f.changed(ctx, all, changed)
		never = f.never()
		if f.late && !f.done { // it stood at the deadline, but no more at the end
			end(errTimeIsUp)
		}
		return never != nil || f.done && !f.Forever
	}}
	err := tree.Follow(following)
	end(nil)
	beside.Wait()
	cache.Wait()
	return f.ended(ctx, errors.Join(err, never))
}

// namespace is that of goals which name none.
func (f *Following) namespace() string {
	if len(f.Roots) == 0 {
		return "flux-system"
	}
	return f.Roots[0].Namespace
}

// Read calls look while nobody changes the Report.
func (f *Following) Read(look func()) {
	f.alone.Lock()
	defer f.alone.Unlock()
	look()
}

// knows tells whether each goal is among the units: what is not there yet is one, too, once the API server has said so.
func (f *Following) knows(all []follow.Unit) bool {
	return !slices.ContainsFunc(f.goals, func(goal follow.ID) bool {
		return !slices.ContainsFunc(all, func(u follow.Unit) bool { return u.ID == goal })
	})
}

// untilDeadline ends the following at the deadline, but waits for looked to end: until then nobody can say what is missing.
func (f *Following) untilDeadline(ctx, looked context.Context, end context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(f.Deadline):
	}
	select {
	case <-looked.Done():
	case <-time.After(lateAnswer):
	}
	f.timeIsUp(end)
}

func (f *Following) timeIsUp(end context.CancelCauseFunc) {
	f.alone.Lock()
	defer f.alone.Unlock()
	f.late = true
	if !f.done {
		end(errTimeIsUp)
	}
}

// ended is what Run returns.
func (f *Following) ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && errors.Is(err, errTimeIsUp):
		missing := cmp.Or(f.Report.MissingText(), "there is no Kustomization to follow: look at the kubeconfig's context and at --root, and whether Flux is installed")
		if !f.known {
			missing = "nothing is known of it, for the API server did not tell in time: look whether it answers, at the kubeconfig's context, and whether Flux is installed"
		}
		return Deadline{After: f.Deadline, Missing: missing}
	case ctx.Err() != nil && !f.Forever:
		return fmt.Errorf("following %s: %w\n%s", f.what(), err, f.Report.MissingText())
	}
	return fmt.Errorf("following %s: %w", f.what(), err)
}

func (f *Following) what() string {
	if len(f.Roots) == 0 {
		return "all Kustomizations"
	}
	var names []string
	for _, root := range f.Roots {
		names = append(names, "Kustomization "+root.String())
	}
	return strings.Join(names, ", ")
}

// changed records what is news. It is called with the lock held.
func (f *Following) changed(ctx context.Context, all, changed []follow.Unit) {
	for _, u := range changed {
		what := "kustomization"
		if u.Part() {
			what = "part"
		}
		f.Log.Info(what, "name", u.ID, "ready", u.Ready, "phase", u.Phase, "reason", u.Reason)
		if f.birth != nil {
			f.birth.removeStale(ctx, u)
		}
		see(f.Report, u)
		f.tell(ctx, u)
	}
	f.order(all)
	f.done = f.Report.Reached() || f.done && f.Forever
	f.tellChanged()
}

// order keeps the Report's units those of the tree, in its order, and forgets what was told of those that are gone.
func (f *Following) order(all []follow.Unit) {
	names, there := make([]string, 0, len(all)), make(map[follow.ID]bool, len(all))
	for _, u := range all {
		names = append(names, u.String())
		there[u.ID] = true
	}
	for id := range f.told {
		if !there[id] {
			delete(f.told, id)
		}
	}
	if !slices.Equal(names, f.names) {
		f.names = names
		f.Report.Order(names)
	}
}

func (f *Following) nudged(kind, cause string) {
	f.alone.Lock()
	defer f.alone.Unlock()
	if f.Report.Nudges == nil {
		f.Report.Nudges = map[string]int{}
	}
	f.Report.Nudges[cause]++
	if f.Nudged != nil {
		f.Nudged(kind, cause)
	}
	f.tellChanged()
}

func (f *Following) tellChanged() {
	if f.Changed != nil {
		f.Changed()
	}
}
