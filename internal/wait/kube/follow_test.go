package kube

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

// server is an API server whose time is the test's. Its zero value has no object, and watches that never say anything.
type server struct {
	get   func(context.Context) error // why there is no answer
	watch func(context.Context) (watch.Interface, error)
	there bool

	gets, watches int
}

var secrets = schema.GroupResource{Resource: "secrets"}

// Get implements api.
func (s *server) Get(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	s.gets++
	if s.get != nil {
		if err := s.get(ctx); err != nil {
			return nil, err
		}
	}
	if !s.there {
		return nil, apierrors.NewNotFound(secrets, name)
	}
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetName(name)
	return o, nil
}

// List implements api.
func (s *server) List(context.Context, metav1.ListOptions) ([]*unstructured.Unstructured, string, string, error) {
	return nil, "", "", errors.New("nobody lists")
}

// Watch implements api.
func (s *server) Watch(ctx context.Context, _ metav1.ListOptions) (watch.Interface, error) {
	s.watches++
	if s.watch != nil {
		return s.watch(ctx)
	}
	return watch.NewFake(), nil
}

// following is a follower under way.
type following struct {
	*server
	states []target.State
	notes  []string
	end    error
	ended  bool
}

func (f *following) last() target.State { return f.states[len(f.states)-1] }

// follow runs a test with a follower of s, for as long as the test looks.
func follow(t *testing.T, s *server, test func(t *testing.T, f *following)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := &following{server: s}
		follower := &Follower{
			Client: &Client{Address: "10.0.0.1:443", Namespace: "apps", Home: "apps"}, Object: &target.Object{Kind: "secret", Name: "database", Check: target.Check{Word: target.Exists}},
			Grace: time.Minute, Report: func(state target.State) { f.states = append(f.states, state) }, Note: func(text string) { f.notes = append(f.notes, text) },
		}
		follower.resource, _ = kinds.Builtin("secret", "", "")
		follower.seen = &named{f: follower, api: s}
		go func() { f.end, f.ended = follower.Follow(ctx), true }()
		synctest.Wait()
		test(t, f)
		cancel()
		synctest.Wait()
		if !f.ended {
			t.Error("it goes on after its context's end")
		}
	})
}

// pass lets time pass.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
	synctest.Wait()
}

// A watch that is dead without an end is found out within a minute.
func TestSilentWatch(t *testing.T) {
	t.Parallel()
	follow(t, &server{}, func(t *testing.T, f *following) {
		pass(t, 10*time.Minute)
		if f.gets < 10 || f.gets > 21 || f.watches != 1 || len(f.states) != 1 {
			t.Errorf("%d GETs, %d watches, states %v in 10 minutes", f.gets, f.watches, f.states)
		}
		f.there = true
		pass(t, time.Minute+time.Second)
		if !f.last().Met || f.watches != 2 {
			t.Errorf("%v, %d watches: the watch that said nothing of it is dead", f.last(), f.watches)
		}
	})
}

// The right to watch may come late, and is asked for every minute; that it is missing is said once.
func TestWatchRightArrivesLate(t *testing.T) {
	t.Parallel()
	allowed := false
	s := &server{watch: func(context.Context) (watch.Interface, error) {
		if allowed {
			return watch.NewFake(), nil
		}
		return nil, apierrors.NewForbidden(secrets, "", errors.New("no RBAC policy matched"))
	}}
	follow(t, s, func(t *testing.T, f *following) {
		pass(t, 10*time.Minute)
		if f.watches < 8 || f.watches > 11 || f.gets < 50 || f.gets > 120 || len(f.notes) != 1 || len(f.states) != 1 {
			t.Errorf("%d watches, %d GETs, notes %q, states %v in 10 minutes", f.watches, f.gets, f.notes, f.states)
		}
		allowed = true
		pass(t, 75*time.Second)
		gets, watches := f.gets, f.watches
		pass(t, 10*time.Minute)
		if f.gets-gets > 21 || f.watches != watches {
			t.Errorf("%d GETs and %d watches more although there is a watch", f.gets-gets, f.watches-watches)
		}
	})
}

// What fails again and again is not asked more and more, and not told again and again.
func TestFailuresArePaced(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for name, test := range map[string]struct {
		server        server
		requests      int // at most, in 10 minutes
		states, notes int
	}{
		"watches fail": {server{watch: func(context.Context) (watch.Interface, error) {
			return nil, apierrors.NewInternalError(errors.New("no backend"))
		}}, 180, 1, 1},
		"watches end with an error": {server{watch: func(context.Context) (watch.Interface, error) {
			w := watch.NewFakeWithChanSize(1, false)
			w.Error(&apierrors.NewInternalError(errors.New("garbage")).ErrStatus)
			return w, nil
		}}, 180, 1, 1},
		"watches end": {server{watch: func(context.Context) (watch.Interface, error) {
			w := watch.NewFake()
			w.Stop()
			return w, nil
		}}, 340, 1, 0},
		"server is away":   {server{get: func(context.Context) error { return refused }}, 250, 2, 0},
		"server is broken": {server{get: func(context.Context) error { return apierrors.NewInternalError(errors.New("etcd")) }}, 250, 1, 0},
		"server hangs": {server{get: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}, 50, 1, 0},
		"watches hang": {server{watch: func(ctx context.Context) (watch.Interface, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, 100, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follow(t, &test.server, func(t *testing.T, f *following) {
				pass(t, 10*time.Minute)
				if n := f.gets + f.watches; n > test.requests || n < 30 {
					t.Errorf("%d requests in 10 minutes", n)
				}
				if len(f.states) != test.states || len(f.notes) != test.notes || f.ended {
					t.Errorf("ended %v (%v), notes %q, %d states %v", f.ended, f.end, f.notes, len(f.states), f.states)
				}
				f.get, f.there = nil, true
				pass(t, 30*time.Second)
				if !f.last().Met {
					t.Errorf("%v, and the object is there", f.last())
				}
			})
		})
	}
}

// The grace is for one spell of refusals; an answer ends it.
func TestGrace(t *testing.T) {
	t.Parallel()
	forbidden := func(context.Context) error {
		return apierrors.NewForbidden(secrets, "database", errors.New("no RBAC policy matched"))
	}
	follow(t, &server{get: forbidden}, func(t *testing.T, f *following) {
		pass(t, 50*time.Second)
		f.get, f.server.watch = nil, func(context.Context) (watch.Interface, error) {
			w := watch.NewFake()
			w.Stop()
			return w, nil
		}
		pass(t, 30*time.Second)
		f.get = forbidden
		pass(t, 55*time.Second)
		if f.ended {
			t.Fatalf("it ended within the grace: %v", f.end)
		}
		pass(t, 15*time.Second)
		var refused Refused
		if !errors.As(f.end, &refused) || !strings.Contains(refused.Role, "kind: Role") {
			t.Errorf("ended %v: %v", f.ended, f.end)
		}
	})
}

// A server that tells when to come back is not asked before.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	s := &server{get: func(context.Context) error {
		return &url.Error{Op: "Get", URL: "https://10.0.0.1", Err: later{429, time.Hour}}
	}}
	follow(t, s, func(t *testing.T, f *following) {
		pass(t, 59*time.Second)
		if f.gets != 1 || !strings.HasSuffix(f.last().Why, ": 429 Too Many Requests: it asks for a pause of 1h0m0s") {
			t.Errorf("%d GETs before the time was over: %v", f.gets, f.last())
		}
		f.get, f.there = nil, true
		pass(t, 2*time.Second)
		if !f.last().Met {
			t.Errorf("%v", f.last())
		}
	})
}
