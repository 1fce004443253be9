package kube

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// A watch that is dead without an end is found out within a minute.
func TestSilentWatch(t *testing.T) {
	t.Parallel()
	follow(t, answers{}, func(f *following) {
		if s := f.pass(10 * time.Minute); s.gets < 10 || s.gets > 21 || s.watches != 1 || len(s.states) != 1 {
			f.Errorf("%d GETs, %d watches, states %v in 10 minutes", s.gets, s.watches, s.states)
		}
		f.from(answers{there: true})
		if s := f.pass(time.Minute + time.Second); !s.last().Met || s.watches != 2 {
			f.Errorf("%v, %d watches: the watch that said nothing of it is dead", s.last(), s.watches)
		}
	})
}

// The right to watch may come late, and is asked for every minute; that it is missing is said once.
func TestWatchRightArrivesLate(t *testing.T) {
	t.Parallel()
	s := answers{watch: func(context.Context) (watch.Interface, error) {
		return nil, apierrors.NewForbidden(secrets, "", errors.New("no RBAC policy matched"))
	}}
	follow(t, s, func(f *following) {
		s := f.pass(10 * time.Minute)
		if s.watches < 8 || s.watches > 11 || s.gets < 50 || s.gets > 120 || len(s.notes) != 1 || len(s.states) != 1 {
			f.Errorf("%d watches, %d GETs, notes %q, states %v in 10 minutes", s.watches, s.gets, s.notes, s.states)
		}
		f.from(answers{})
		before := f.pass(75 * time.Second)
		if s = f.pass(10 * time.Minute); s.gets-before.gets > 21 || s.watches != before.watches {
			f.Errorf("%d GETs and %d watches more although there is a watch", s.gets-before.gets, s.watches-before.watches)
		}
	})
}

// What fails again and again is not asked more and more, and not told again and again.
func TestFailuresArePaced(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for name, test := range map[string]struct {
		answers       answers
		requests      int // at most, in 10 minutes
		states, notes int
	}{
		"watches fail": {answers{watch: func(context.Context) (watch.Interface, error) {
			return nil, apierrors.NewInternalError(errors.New("no backend"))
		}}, 180, 1, 1},
		"watches end with an error": {answers{watch: func(context.Context) (watch.Interface, error) {
			w := watch.NewFakeWithChanSize(1, false)
			w.Error(&apierrors.NewInternalError(errors.New("garbage")).ErrStatus)
			return w, nil
		}}, 180, 1, 1},
		"watches end": {answers{watch: func(context.Context) (watch.Interface, error) {
			w := watch.NewFake()
			w.Stop()
			return w, nil
		}}, 340, 1, 0},
		"server is away":   {answers{get: func(context.Context) error { return refused }}, 250, 2, 0},
		"server is broken": {answers{get: func(context.Context) error { return apierrors.NewInternalError(errors.New("etcd")) }}, 250, 1, 0},
		"server hangs": {answers{get: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}, 50, 1, 0},
		"watches hang": {answers{watch: func(ctx context.Context) (watch.Interface, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, 100, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follow(t, test.answers, func(f *following) {
				s := f.pass(10 * time.Minute)
				if n := s.gets + s.watches; n > test.requests || n < 30 {
					f.Errorf("%d requests in 10 minutes", n)
				}
				if len(s.states) != test.states || len(s.notes) != test.notes || s.ended {
					f.Errorf("ended %v (%v), notes %q, %d states %v", s.ended, s.end, s.notes, len(s.states), s.states)
				}
				f.from(answers{there: true, watch: test.answers.watch})
				if s = f.pass(30 * time.Second); !s.last().Met {
					f.Errorf("%v, and the object is there", s.last())
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
	follow(t, answers{get: forbidden}, func(f *following) {
		f.pass(50 * time.Second)
		f.from(answers{watch: func(context.Context) (watch.Interface, error) {
			w := watch.NewFake()
			w.Stop()
			return w, nil
		}})
		f.pass(30 * time.Second)
		f.from(answers{get: forbidden})
		if s := f.pass(55 * time.Second); s.ended {
			f.Fatalf("it ended within the grace: %v", s.end)
		}
		s := f.pass(15 * time.Second)
		var refused Refused
		if !errors.As(s.end, &refused) || !strings.Contains(refused.Role, "kind: Role") {
			f.Errorf("ended %v: %v", s.ended, s.end)
		}
	})
}

// A server that tells when to come back is not asked before.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	s := answers{get: func(context.Context) error {
		return &url.Error{Op: "Get", URL: "https://10.0.0.1", Err: later{429, time.Hour}}
	}}
	follow(t, s, func(f *following) {
		s := f.pass(59 * time.Second)
		if s.gets != 1 || !strings.HasSuffix(s.last().Why, ": 429 Too Many Requests: it asks for a pause of 1h0m0s") {
			f.Errorf("%d GETs before the time was over: %v", s.gets, s.last())
		}
		f.from(answers{there: true})
		if s = f.pass(2 * time.Second); !s.last().Met {
			f.Errorf("%v", s.last())
		}
	})
}
