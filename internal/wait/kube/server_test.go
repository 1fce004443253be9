package kube

import (
	"context"
	"errors"
	"sync"
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
	mu   sync.Mutex
	now  answers
	seen seen
}

type answers struct {
	get   func(context.Context) error // why there is no answer; may be nil
	watch func(context.Context) (watch.Interface, error)
	there bool
}

// seen is what a follower has asked, and told.
type seen struct {
	gets, watches int
	states        []target.State
	notes         []string
	ended         bool
	end           error
}

func (s seen) last() target.State { return s.states[len(s.states)-1] }

var secrets = schema.GroupResource{Resource: "secrets"}

// see takes down what happens, and returns the answers of that moment.
func (s *server) see(what func(*seen)) answers {
	s.mu.Lock()
	defer s.mu.Unlock()
	what(&s.seen)
	return s.now
}

// Get implements api.
func (s *server) Get(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	now := s.see(func(all *seen) { all.gets++ })
	if now.get != nil {
		if err := now.get(ctx); err != nil {
			return nil, err
		}
	}
	if !now.there {
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
	if now := s.see(func(all *seen) { all.watches++ }); now.watch != nil {
		return now.watch(ctx)
	}
	return watch.NewFake(), nil
}

// following is a follower under way.
type following struct {
	*testing.T
	server
}

// follow runs a test with a follower, for as long as the test looks.
func follow(t *testing.T, first answers, test func(f *following)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := &following{T: t, server: server{now: first}}
		follower := &Follower{
			Client: &Client{Address: "10.0.0.1:443", Namespace: "apps", Home: "apps"},
			Object: &target.Object{Kind: "secret", Name: "database", Check: target.Check{Word: target.Exists}}, Grace: time.Minute,
			Report: func(state target.State) { f.see(func(all *seen) { all.states = append(all.states, state) }) },
			Note:   func(text string) { f.see(func(all *seen) { all.notes = append(all.notes, text) }) },
		}
		follower.resource, _ = kinds.Builtin("secret", "", "")
		follower.seen = &named{f: follower, api: &f.server}
		go func() {
			err := follower.Follow(ctx)
			f.see(func(all *seen) { all.ended, all.end = true, err })
		}()
		test(f)
		cancel()
		if !f.pass(0).ended {
			t.Error("it goes on after its context's end")
		}
	})
}

// pass lets time pass, and returns all that was seen up to then.
func (f *following) pass(d time.Duration) seen {
	f.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.Context().Done():
	}
	synctest.Wait()
	var all seen
	f.see(func(s *seen) { all = *s })
	return all
}

// from makes the server answer otherwise from now on.
func (f *following) from(a answers) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = a
}
