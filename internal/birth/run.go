package birth

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/lease"
	"github.com/tazlab/seed/internal/letgo"
	"github.com/tazlab/seed/internal/report"
)

// errNoRights ends the waiting for the Lease: who held it has let go of seed's rights meanwhile.
var errNoRights = errors.New("seed has no rights any more")

// Run is the whole life of a run: it sees whether there is anything left to do, waits until no other run works, plants,
// follows, and lets go. It returns one line on how that ended.
func (b *Birth) Run(ctx context.Context) (summary string, err error) {
	if b.Set == "" {
		return b.work(ctx)
	}
	for {
		record, err := b.begin(ctx)
		if err != nil {
			return "", err
		}
		if record != nil {
			return recorded(record)
		}
		held, release, err := b.Lease.Hold(ctx, b.waiting, b.stillAllowed)
		if errors.Is(err, errNoRights) {
			continue
		}
		if err != nil {
			return "", err
		}
		summary, err = b.work(held)
		late, isLate := errors.AsType[Deadline](err)
		if err == nil || isLate {
			err = b.letGo(held)
		}
		err = withCause(held, err)
		release() // this needs the rights, which go last
		if err == nil {
			err = b.leave(ctx)
		}
		if err == nil && isLate {
			err = late
		}
		if failure.IsInvalid(err) {
			err = b.GiveUp(ctx, err)
		}
		return summary, err
	}
}

// recorded is how a birth has ended, for a run that has no rights any more. One that the deadline ended is no success later
// either.
func recorded(r *report.Report) (summary string, err error) {
	begin := fmt.Sprintf("the birth has ended at %s, and seed has no rights any more", r.Ended.UTC().Format(time.RFC3339))
	if r.Deadline > 0 {
		return "", fmt.Errorf("%s: %w", begin, Deadline{After: r.Deadline, Missing: r.MissingText()})
	}
	return begin + ": " + r.Summary() + " then", nil
}

// begin sees whether seed has the rights to do anything, and makes the Pods of older sets go, which may hold the Lease. A
// run without rights gets the record of the birth that has ended.
func (b *Birth) begin(ctx context.Context) (ended *report.Report, err error) {
	err = b.retry(ctx, func() error {
		allowed, err := letgo.HasRights(ctx, b.Cluster)
		if err != nil {
			return err
		}
		if !allowed {
			ended, err = b.record(ctx)
			return err
		}
		removed, err := letgo.RemoveOlderJobs(ctx, b.Cluster, b.Set)
		if len(removed) > 0 {
			b.Log.Info("removed Jobs of older sets", "removed", removed)
		}
		return err
	})
	return ended, err
}

// record reads the record of the birth; one that has not ended is an error: somebody without rights cannot end it.
func (b *Birth) record(ctx context.Context) (*report.Report, error) {
	stored, err := report.Load(ctx, b.Cluster)
	switch {
	case apierrors.IsNotFound(err) || err == nil && stored.Ended.IsZero():
		err = errors.New("no birth has ended here yet")
	case err == nil:
		return stored, nil
	}
	return nil, fmt.Errorf("seed has no rights, and there is no record of a birth that it could leave alone: %w (are the subjects of ClusterRoleBinding %s there? If not, render the inline manifest anew and apply it: as a new set it brings them)", err, b.Set.Name())
}

func (b *Birth) waiting(holder string) {
	b.Log.Info("another run of seed works on this cluster: waiting until it is done", "holder", holder)
	if b.Waiting != nil {
		b.Waiting("waiting for another run of seed, Pod " + holder + ", which holds the Lease")
	}
}

// stillAllowed is errNoRights once the rights are gone. What cannot be found out now may be found out soon.
func (b *Birth) stillAllowed(ctx context.Context) error {
	if allowed, err := letgo.HasRights(ctx, b.Cluster); err == nil && !allowed {
		return errNoRights
	}
	return nil
}

// work is the birth itself, for those who may do everything.
func (b *Birth) work(ctx context.Context) (summary string, err error) {
	if err := b.Report.Begin(ctx, b.Cluster); err != nil {
		b.Log.Warn("the start of machine and API server are not known", "error", err)
	}
	planted, err := b.Plant(ctx)
	if planted { // what happened so far survives whatever happens to this Pod
		b.save(ctx)
	}
	follows := err == nil
	if follows {
		err = b.Follow(ctx)
	}
	if planted && !errors.Is(context.Cause(ctx), lease.ErrLost) { // also when the tree does not stand: the report says why
		b.save(context.WithoutCancel(ctx))
	}
	if summary = b.Report.Summary(); !planted {
		summary = "Flux reconciles the tree already; " + b.Report.Stood()
	}
	if follows {
		b.announce(ctx, summary, err)
	}
	if err != nil {
		return "", err
	}
	return summary, nil
}

// withCause adds to err why ctx has ended, if it has.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// save leaves the timeline in the cluster. It gives up quickly: the timeline is in the log, too.
func (b *Birth) save(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := b.Report.Save(ctx, b.Cluster, b.planted); err != nil {
		b.Log.Warn("the report is not saved: it is in this log only", "error", err)
	}
}

// event tells people, and leaves the timeline so far for them.
func (b *Birth) event(ctx context.Context, reason, message string) {
	b.Event(ctx, reason, message)
	if len(b.Report.Steps) > 0 { // on a cluster that lives already the report of its birth stays
		b.save(ctx)
	}
}
