package birth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/letgo"
	"github.com/tazlab/seed/internal/report"
)

// letGo gives up all but the rights, which it needs itself. Each step can be repeated: who dies here is followed by a Pod
// that has the rights still, and comes here again.
func (b *Birth) letGo(ctx context.Context) error {
	return b.retry(ctx, func() error {
		for _, s := range []struct {
			name string
			do   func() ([]string, error)
		}{
			{"remove older sets", func() ([]string, error) { return letgo.RemoveOlder(ctx, b.Cluster, b.Set) }},
			{"record the end", func() ([]string, error) { return nil, b.end(ctx) }},
			{"empty the carried Secrets", func() ([]string, error) { return letgo.EmptySecrets(ctx, b.Cluster, b.Set) }},
		} {
			if err := b.step(s.name, named(s.do)); err != nil {
				return err
			}
		}
		return nil
	})
}

// leave gives up the rights. It is the last thing that seed can do.
func (b *Birth) leave(ctx context.Context) error {
	return b.retry(ctx, func() error {
		return b.step("empty the rights", named(func() ([]string, error) { return nil, letgo.EmptyRights(ctx, b.Cluster, b.Set) }))
	})
}

// named makes a step of what names the objects that it changed.
func named(do func() ([]string, error)) func() (report.State, string, error) {
	return func() (report.State, string, error) {
		names, err := do()
		return report.Done, strings.Join(names, ", "), err
	}
}

// end records that the birth has ended, unless that is recorded already. Who finds that it ended at its deadline records
// what came of it.
func (b *Birth) end(ctx context.Context) error {
	stored, err := report.Load(ctx, b.Cluster)
	switch {
	case apierrors.IsNotFound(err) || errors.Is(err, report.ErrUnreadable):
	case err != nil:
		return err
	case b.planted: // what is there was saved by this very run, or is of a life before
	case !stored.Ended.IsZero() && stored.Deadline == 0:
		return nil
	case !stored.Seed.Equal(b.Report.Seed):
		b.Report.Continues(stored)
	}
	b.Report.Ended, b.Report.Set = time.Now(), string(b.Set)
	return b.Report.Save(ctx, b.Cluster, true)
}

// GiveUp is the end of a run whose bundle is invalid: it says so, and takes from the set what can be of no use any more. It
// returns invalid; only if it could not do its work the error is one that the next Pod may get over.
func (b *Birth) GiveUp(ctx context.Context, invalid error) error {
	b.tell(ctx, "InvalidBundle", invalid.Error())
	if b.Set == "" {
		return invalid
	}
	err := b.retry(ctx, func() error {
		allowed, err := letgo.HasRights(ctx, b.Cluster)
		if err != nil || !allowed {
			return err
		}
		if _, err := letgo.EmptySecrets(ctx, b.Cluster, b.Set); err != nil {
			return err
		}
		return letgo.EmptyRights(ctx, b.Cluster, b.Set)
	})
	if err != nil {
		return fmt.Errorf("%s; and letting go: %w", invalid.Error(), err)
	}
	return invalid
}

// refresh copies what the set carries over seed's own copies: so a new set brings a new identity to a cluster on which
// nothing is left to plant.
func (b *Birth) refresh(ctx context.Context) error {
	if b.Set == "" {
		return nil
	}
	claimer := claim.New(b.Cluster, b.Vault)
	claimer.Set = b.Set
	for _, c := range b.Bundle.Claims {
		written, err := claimer.Refresh(ctx, c)
		if err != nil {
			return err
		}
		if written {
			b.Log.Info("renewed the copy of a carried Secret", "secret", c.Target)
		}
	}
	return nil
}
