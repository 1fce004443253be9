package wait

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tazlab/seed/internal/wait/target"
)

const (
	// asking is for how long the objects that should bring others are asked, all of them together: whoever waits for the
	// end or for news waits for them too.
	asking = 2 * time.Second
	// telling is for how long an Event is tried: it may be the last thing before the Pod goes on.
	telling = 5 * time.Second
	// calm is the least time between two Events: a target that goes up and down must not fill the Pod's description.
	calm = 10 * time.Second
	// stuckAfter is when a line says what keeps such waits from ever ending.
	stuckAfter = 10 * time.Minute
)

const stuckHint = "if what is missing comes with the same Helm release or Kustomization, and that waits for this Pod to be ready " +
	"before it goes on, neither will ever come"

// voice is what was said already.
type voice struct {
	speakers sync.WaitGroup
	speaking sync.Mutex // held by the one who speaks, and guards what follows it
	said     string     // by the last Event
	mute     bool       // no Event may be written
	failed   bool       // an Event could not be written, which was said
	stuck    bool       // stuckHint was said

	// These are not guarded: only the waiting itself looks at them.
	spoke time.Time        // when the last Event was begun
	news  <-chan time.Time // when the next one is due, nil if nothing is new
}

// change takes a new state over and says so.
func (r *run) change(f *followed, s target.State) (changed bool) {
	was := f.State
	if f.known && was == s {
		return false
	}
	f.State, f.known = s, true
	switch {
	case f.guard:
		r.Log.Info(f.name()+": "+s.Why, "target", f.Text, "met", s.Met, "why", s.Why)
	case s.Met:
		r.Log.Info("met: "+f.Text+": "+s.Why, "target", f.Text, "met", true, "why", s.Why)
	case was.Met:
		r.Log.Info("not met any more: "+f.Text+": "+s.Why, "target", f.Text, "met", false, "why", s.Why)
	default:
		r.Log.Info("waiting for "+f.Text+": "+s.Why, "target", f.Text, "met", false, "why", s.Why)
	}
	return true
}

// lacking are copies of the targets that are not met, and of the guards of which nothing is known.
func (r *run) lacking() []followed {
	var all []followed
	for _, f := range r.all {
		if f.open() || !f.guard && !f.Met {
			c := *f
			if !c.known {
				c.Why = "no answer yet"
			}
			all = append(all, c)
		}
	}
	return all
}

// bringers asks for each target how the object does that should bring it.
func (r *run) bringers(ctx context.Context, lacking []followed) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	said := map[string]string{}
	for _, f := range lacking {
		if r.Bringer != nil && f.Object != nil && !f.guard && ctx.Err() == nil {
			said[f.Text] = r.Bringer(ctx, f.Object)
		}
	}
	return said
}

func describe(lacking []followed, bringers map[string]string) string {
	var all []string
	for _, f := range lacking {
		text := f.name() + ": " + f.Why
		if said := bringers[f.Text]; said != "" && !f.guard {
			text += " (" + said + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// show tells whoever looks at the Pod why it waits: as soon as all targets are known, and soon after a change.
func (r *run) show(ctx context.Context, changed bool) {
	switch {
	case r.Event == nil || slices.ContainsFunc(r.all, func(f *followed) bool { return !f.known }):
	case r.voice.spoke.IsZero():
		r.speak(ctx, false)
	case changed && r.voice.news == nil:
		r.voice.news = time.After(max(calm-time.Since(r.voice.spoke), time.Second))
	}
}

// speak says what is missing and who should bring it: in the log, if aloud, and in an Event, if that says something new.
// It does not keep the waiting from going on.
func (r *run) speak(ctx context.Context, aloud bool) {
	lacking, waited := r.lacking(), time.Since(r.started)
	r.voice.spoke, r.voice.news = time.Now(), nil
	r.voice.speakers.Go(func() {
		if !r.voice.speaking.TryLock() {
			return // the one before still asks
		}
		defer r.voice.speaking.Unlock()
		text := describe(lacking, r.bringers(ctx, lacking))
		if ctx.Err() != nil {
			return
		}
		if aloud {
			r.Log.Info(fmt.Sprintf("still waiting after %s for %s", short(waited), text), "missing", len(lacking))
		}
		if waited >= stuckAfter && !r.voice.stuck {
			r.voice.stuck = true
			r.Log.Warn(stuckHint)
		}
		r.tell(ctx, "Normal", "Waiting", "waiting for "+text)
	})
}

// tell writes an Event, unless the last one said the same. One that is refused is the last, for refusals fill audit logs.
func (r *run) tell(ctx context.Context, kind, reason, message string) {
	if r.Event == nil || r.voice.mute || r.voice.said == message || ctx.Err() != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, telling)
	defer cancel()
	err := r.Event(limited, kind, reason, message)
	switch {
	case err == nil:
		r.voice.said = message
	case ctx.Err() != nil:
	case refused(err):
		r.voice.mute = true
		r.Log.Warn("no more Events: "+err.Error(), "why", err.Error())
	case !r.voice.failed:
		r.voice.failed = true
		r.Log.Warn("no Event yet: "+err.Error(), "why", err.Error())
	}
}

// refused tells whether the API server would give the same answer again.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsNotFound(err)
}

// conclude tells the end to whoever was told the beginning. A failure is told in any case.
func (r *run) conclude(ctx context.Context, o Outcome) {
	switch o.Kind {
	case Interrupted:
	case Met:
		if r.voice.said != "" {
			r.tell(ctx, "Normal", string(Met), o.Message)
		}
	default:
		r.tell(ctx, "Warning", string(o.Kind), o.Message)
	}
}
