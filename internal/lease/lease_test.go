package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordination "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// world is an API server with one Lease and some Pods. Time is a test's own.
type world struct {
	coordinationv1.LeaseInterface // what is not here is not called

	mu      sync.Mutex
	lease   *coordination.Lease
	version int
	pods    map[string]corev1.PodPhase
}

func (w *world) Leases(string) coordinationv1.LeaseInterface { return w }

func (w *world) Get(_ context.Context, name string, _ metav1.GetOptions) (*coordination.Lease, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lease == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, name)
	}
	return w.lease.DeepCopy(), nil
}

func (w *world) Create(_ context.Context, l *coordination.Lease, _ metav1.CreateOptions) (*coordination.Lease, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lease != nil {
		return nil, apierrors.NewAlreadyExists(schema.GroupResource{Resource: "leases"}, l.Name)
	}
	return w.store(l), nil
}

func (w *world) Update(_ context.Context, l *coordination.Lease, _ metav1.UpdateOptions) (*coordination.Lease, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lease == nil || w.lease.ResourceVersion != l.ResourceVersion {
		return nil, apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, l.Name, errors.New("another version"))
	}
	return w.store(l), nil
}

func (w *world) store(l *coordination.Lease) *coordination.Lease {
	w.version++
	w.lease = l.DeepCopy()
	w.lease.ResourceVersion = fmt.Sprint(w.version)
	return w.lease.DeepCopy()
}

func (w *world) Delete(_ context.Context, name string, o metav1.DeleteOptions) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o.Preconditions == nil || *o.Preconditions.ResourceVersion != w.lease.ResourceVersion {
		return apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, name, errors.New("another version"))
	}
	w.lease = nil
	return nil
}

// held makes somebody hold the Lease, and returns who held it.
func (w *world) held(by string) (before string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lease != nil && w.lease.Spec.HolderIdentity != nil {
		before = *w.lease.Spec.HolderIdentity
	}
	now := metav1.NowMicro()
	w.store(&coordination.Lease{Spec: coordination.LeaseSpec{
		HolderIdentity: &by, LeaseDurationSeconds: new(int32(30)), AcquireTime: &now, RenewTime: &now,
	}})
	return before
}

// pods is the part of the world that a client.Reader is.
type pods struct {
	client.Reader
	phases map[string]corev1.PodPhase
}

func (p pods) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	phase, there := p.phases[key.Name]
	pod, isPod := object.(*corev1.Pod)
	if !there || !isPod {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, key.Name)
	}
	pod.Status.Phase = phase
	return nil
}

func (w *world) lock(t *testing.T) *Lock {
	return &Lock{leases: w, pods: pods{phases: w.pods}, identity: "seed-me", log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func always(context.Context) error { return nil }

// Who was here before costs as long as it may live, and nothing when it is surely gone.
func TestHoldWaitsForWhoMayLive(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		holder string
		waits  time.Duration // at least
		told   []string
	}{
		"nobody":                      {"", 0, nil},
		"itself, before":              {"seed-me", 0, nil},
		"a Pod that is not there":     {"seed-lost", 0, nil},
		"a Pod that has ended":        {"seed-done", 0, nil},
		"a Pod that has failed":       {"seed-failed", 0, nil},
		"a Pod that runs":             {"seed-runs", 30 * time.Second, []string{"seed-runs"}},
		"somebody at a desk":          {"desk_1", 30 * time.Second, []string{"desk_1"}},
		"a Pod that is not yet there": {"seed-pending", 30 * time.Second, []string{"seed-pending"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{pods: map[string]corev1.PodPhase{
					"seed-runs": corev1.PodRunning, "seed-done": corev1.PodSucceeded, "seed-failed": corev1.PodFailed, "seed-pending": corev1.PodPending,
				}}
				if test.holder != "" {
					w.held(test.holder)
				}
				start := time.Now()
				var told []string
				held, release, err := w.lock(t).Hold(t.Context(), func(holder string) { told = append(told, holder) }, always)
				if err != nil || held.Err() != nil {
					t.Fatal(err, held.Err())
				}
				took := time.Since(start)
				if took < test.waits || took > test.waits+5*time.Second || !slices.Equal(told, test.told) {
					t.Errorf("held after %s, told %q; want %s, %q", took, told, test.waits, test.told)
				}
				release()
				if before := w.held("next"); before != "" {
					t.Errorf("after release the Lease is held by %q", before)
				}
				if cause := context.Cause(held); !errors.Is(cause, context.Canceled) || errors.Is(cause, ErrLost) {
					t.Errorf("it ended with %v", cause)
				}
			})
		})
	}
}

// A Pod that dies while it is waited for does not cost what its Lease has left.
func TestHoldSeesTheHolderDie(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{pods: map[string]corev1.PodPhase{"seed-runs": corev1.PodRunning}}
		w.held("seed-runs")
		start := time.Now()
		_, release, err := w.lock(t).Hold(t.Context(), func(string) { w.pods["seed-runs"] = corev1.PodFailed }, always)
		if err != nil {
			t.Fatal(err)
		}
		release()
		if took := time.Since(start); took > 3*retryPeriod {
			t.Errorf("it took %s", took)
		}
	})
}

// Who holds the Lease keeps it, and who loses it learns that before another one works.
func TestHoldEndsWhenTheLeaseIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		held, release, err := w.lock(t).Hold(t.Context(), func(string) {}, always)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		for minutes := range 5 {
			<-time.After(time.Minute)
			if held.Err() != nil {
				t.Fatalf("it ended in minute %d: %v", minutes, context.Cause(held))
			}
		}
		w.held("thief")
		lost := time.Now()
		<-held.Done()
		if cause := context.Cause(held); !errors.Is(cause, ErrLost) || time.Since(lost) >= leaseDuration {
			t.Errorf("it ended with %v after %s", cause, time.Since(lost))
		}
		if before := w.held("x"); before != "thief" {
			t.Errorf("the Lease was taken from its holder: %q", before)
		}
	})
}

// What ends the waiting is what Hold returns.
func TestHoldEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	why := errors.New("no rights any more")
	for name, test := range map[string]struct {
		ctx   func(*testing.T) context.Context
		still func(context.Context) error
		want  error
	}{
		"still": {(*testing.T).Context, func(context.Context) error { return why }, why},
		"ctx": {func(t *testing.T) context.Context {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, why)
			t.Cleanup(cancel)
			return ctx
		}, always, why},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{pods: map[string]corev1.PodPhase{"seed-runs": corev1.PodRunning}}
				w.held("seed-runs")
				if _, _, err := w.lock(t).Hold(test.ctx(t), func(string) {}, test.still); !errors.Is(err, test.want) {
					t.Errorf("Hold: %v", err)
				}
				if before := w.held("x"); before != "seed-runs" {
					t.Errorf("the Lease is held by %q", before)
				}
			})
		})
	}
}
