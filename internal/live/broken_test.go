package live_test

import (
	"strings"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/live"
)

// A kind that cannot be watched any more is told once for each error, after a while; what was known last is there, and marked.
func TestLostForLong(t *testing.T) {
	t.Parallel()
	eachServer(t, func(s *breaking) {
		s.now("blog shop", true, forbidden)
		s.stale("at once", "blog", false)
		<-s.reader.Changes()
		pass(50 * time.Second)
		s.stale("in the first minute", "blog", false)
		s.told("in the first minute", 0)
		for range len(s.reader.Changes()) {
			<-s.reader.Changes()
		}
		pass(11 * time.Second)
		s.stale("after it", "blog", true)
		s.told("after it", 1)
		if len(s.reader.Changes()) != 1 {
			s.t.Error("the reader is not told")
		}
		if text := s.log.String(); !strings.Contains(text, "user cannot list") || !strings.Contains(text, "kind=HelmRelease") || !strings.Contains(text, "next=") {
			s.t.Errorf("the warning is %s", text)
		}
		pass(time.Hour)
		s.told("an hour later", 1)
		s.now("blog shop", false, reset())
		pass(time.Hour)
		s.told("with another reason", 2)
		s.now("blog shop", false, unreachable())
		pass(time.Hour)
		s.told("with a third one", 3)
		s.now("blog shop", false, nil)
		pass(2 * time.Minute)
		s.knows("afterwards", "blog shop")
		if text := s.log.String(); strings.Count(text, "is watched again") != 1 {
			s.t.Errorf("the log is %s", text)
		}
		s.now("shop", true, forbidden)
		s.stale("the next time", "blog shop", false)
		pass(2 * time.Minute)
		s.told("the next time", 4)
	})
}

// An API server that restarts, and a watch that just ends, are nothing to tell. What changed meanwhile is known afterwards.
func TestMomentIsQuiet(t *testing.T) {
	t.Parallel()
	eachServer(t, func(s *breaking) {
		before := s.count()
		s.now("blog", true, nil)
		s.knows("when a watch ended", "blog")
		if asked := s.count() - before; asked != 1 {
			s.t.Errorf("%d requests for a watch that ended", asked)
		}
		pass(time.Minute)
		s.now("blog shop", true, unreachable())
		s.stale("while it restarts", "blog", false)
		pass(15 * time.Second)
		s.stale("while it restarts still", "blog", false)
		s.now("shop", false, nil)
		pass(45 * time.Second)
		s.knows("afterwards", "shop")
		pass(time.Hour)
		if text := s.log.String(); text != "" {
			s.t.Errorf("the log is %s", text)
		}
		if s.watches() != 1 {
			s.t.Errorf("%d watches are open", s.watches())
		}
	})
}

// A watch that goes on where another ended says nothing of what it has not delivered yet: until all is listed anew what is known
// is old.
func TestResumedWatchIsNotTrusted(t *testing.T) {
	t.Parallel()
	eachServer(t, func(s *breaking) {
		s.now("blog", true, unreachable())
		s.stale("unreachable", "blog", false)
		gate := make(chan struct{})
		s.mu.Lock()
		s.gate, s.names, s.refuse = gate, "shop", nil
		s.mu.Unlock()
		pass(2 * time.Minute) // by now a watch was taken up
		s.stale("until it is listed", "blog", true)
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		close(gate)
		s.knows("when it is listed", "shop")
	})
}

// What may be listed but not watched is never known, and asked for at the reflector's pace.
func TestListedButNotWatched(t *testing.T) {
	t.Parallel()
	eachServer(t, func(s *breaking) {
		s.now("blog", true, func(verb string) error {
			if verb == "list" {
				return nil
			}
			return forbidden(verb)
		})
		before := s.count()
		pass(time.Hour)
		if asked := s.count() - before; asked > 900 { // it begins anew with short pauses every two minutes
			s.t.Errorf("%d requests in an hour", asked)
		}
		s.told("an hour later", 1)
		s.stale("an hour later", "blog", true)
		s.now("shop", false, nil)
		pass(2 * time.Minute)
		s.knows("afterwards", "shop")
	})
}

// A kind whose definition is deleted is not there any more, at once and with nothing in the log; when it is defined again it is
// taken up in that moment.
func TestKindIsGone(t *testing.T) {
	t.Parallel()
	eachServer(t, func(s *breaking) {
		s.now("blog", true, func(string) error { return &apimeta.NoKindMatchError{GroupKind: releases.Kind.GroupKind()} })
		if names, err := s.list(); !live.NotServed(err) || names != "" {
			s.t.Errorf("when it is gone: %q, %v", names, err)
		}
		pass(time.Hour)
		if names, err := s.list(); !live.NotServed(err) || names != "" || s.log.String() != "" {
			s.t.Errorf("an hour later: %q, %v; the log is %s", names, err, &s.log)
		}
		s.now("shop", false, nil)
		definition := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "helmreleases.helm.toolkit.fluxcd.io"}}
		definition.SetGroupVersionKind(live.Definitions.Kind)
		s.definitions.Add(definition)
		s.knows("when it is defined again", "shop")
	})
}

// Whatever an API server does, the cache ends when its context does.
func TestEndsAtOnce(t *testing.T) {
	t.Parallel()
	eachServer(t, func(s *breaking) {
		s.now("blog", true, unreachable())
		s.reader.Drop(releases)
		_, _ = s.list()
		pass(10*time.Minute + time.Second)
		if names, err := s.list(); names != "" || err == nil || !strings.Contains(err.Error(), "connection refused") {
			s.t.Errorf("unreachable: %q, %v", names, err)
		}
		at := time.Now()
		s.end()
		s.cache.Wait()
		if late := time.Since(at); late > 0 {
			s.t.Errorf("it ended after %s", late)
		}
	})
}

// Who has closed a reader is told of nothing, and what nobody else needs is not watched any more.
func TestClose(t *testing.T) {
	t.Parallel()
	eachServer(t, func(s *breaking) {
		other := s.cache.Reader()
		if all, err := other.List(releases); err != nil || len(all) != 1 {
			s.t.Errorf("another reader sees %v, %v", all, err)
		}
		other.Close()
		for range len(other.Changes()) {
			<-other.Changes()
		}
		s.now("blog shop", true, unreachable())
		pass(2 * time.Minute)
		if len(other.Changes()) > 0 {
			s.t.Error("who has closed is told of a change")
		}
		s.now("blog shop", false, nil)
		pass(2 * time.Minute)
		s.knows("who has not closed", "blog shop")
		s.reader.Close()
		if s.watches() != 0 {
			s.t.Errorf("%d watches are open after both have closed", s.watches())
		}
	})
}
