//go:build apiserver

package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apitypes "k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/lease"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

// Whatever the moment at which a Pod dies while it lets go, the next one finishes; and at that moment nothing has gone
// that a later step needs.
func TestLetGoAfterACrash(t *testing.T) {
	w := letGoWorld(t, "letgo-crash")
	w.inline(t, first, w.identity())
	whole := w.start(t, first, "seed-whole", w.spell(rootSync))
	w.stand(t)
	if code, message := whole.end(t); code != 0 {
		t.Fatalf("the birth ended with %d, %q", code, message)
	}
	older := set.Set("0000000000")
	const least, most = 9, 30 // six objects, the record, a Secret, the rights
	crashed := true
	for n := 1; crashed; n++ {
		if n > most {
			t.Fatal("letting go has no end")
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w.clear(t, first, w.identity())
			w.inline(t, older, w.identity())
			w.inline(t, first, w.identity())
			if crashed = w.letGo(t, n); !crashed && n <= least {
				t.Errorf("it wrote %d times only", n-1)
			}
			w.inOrder(t, older)
			if crashed {
				w.letGo(t, 0)
			}
			gone(t, older, w.identity())
			letGone(t, first, w.identity().Name)
			if record := recorded(t); record.Ended.IsZero() {
				t.Errorf("the record is %+v", record)
			}
		})
	}
}

// letGo is a run of the first set; it dies right after the nth write, and returns whether it did. With 0 it lives.
func (w *world) letGo(t *testing.T, n int) (died bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	access, log := seedAccess(t), slog.New(slog.NewTextHandler(t.Output(), nil))
	live := &dying{Client: newClient(t, access), n: n, die: cancel}
	lock, err := lease.New(access, live, "seed-crash", log)
	if err != nil {
		t.Fatal(err)
	}
	b := &birth.Birth{
		Bundle: w.Bundle, Set: first, Lease: lock, Cluster: live, Vault: claim.HTTPClient(nil), WorkDir: t.TempDir(), Log: log, Report: &report.Report{},
		Event: func(_ context.Context, reason, message string) { t.Errorf("Event %s: %s", reason, message) },
		Pause: func(_ context.Context, _ int, err error) error { return err },
	}
	summary, err := b.Run(ctx)
	died = n > 0 && live.writes >= n
	if !died && err != nil || died && err == nil && !strings.Contains(summary, "Ready") {
		t.Fatalf("Run = %q, %v after %d writes", summary, err, live.writes)
	}
	return died
}

// dying is a client whose owner dies right after its nth write.
type dying struct {
	cluster.Client
	n, writes int
	die       func()
}

func (d *dying) wrote(err error) error {
	if d.writes++; d.writes == d.n {
		d.die()
	}
	return err
}

func (d *dying) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	err := d.Client.Create(ctx, o, opts...)
	if strings.HasSuffix(fmt.Sprintf("%T", o), "Review") {
		return err // nothing is kept of it
	}
	return d.wrote(err)
}

func (d *dying) Update(ctx context.Context, o client.Object, opts ...client.UpdateOption) error {
	return d.wrote(d.Client.Update(ctx, o, opts...))
}

func (d *dying) Patch(ctx context.Context, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	return d.wrote(d.Client.Patch(ctx, o, p, opts...))
}

func (d *dying) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	return d.wrote(d.Client.Delete(ctx, o, opts...))
}

// inOrder fails the test if a step was taken before one that comes first.
func (w *world) inOrder(t *testing.T, older set.Set) {
	t.Helper()
	noRights := len(get(t, &rbacv1.ClusterRoleBinding{}, first.Name()).Subjects) == 0
	noSecret := len(get(t, &corev1.Secret{}, first.Carried(w.identity().Name)).Data) == 0
	record, err := report.Load(t.Context(), w.live)
	ended := err == nil && !record.Ended.IsZero()
	key := apitypes.NamespacedName{Namespace: set.Namespace, Name: older.Name()}
	noOlder := apierrors.IsNotFound(w.live.Get(t.Context(), key, &corev1.ConfigMap{})) // it goes last
	if noRights && !noSecret || noSecret && !ended || ended && !noOlder {
		t.Errorf("no rights %v, no Secret %v, ended %v, older gone %v: want them from right to left", noRights, noSecret, ended, noOlder)
	}
}
