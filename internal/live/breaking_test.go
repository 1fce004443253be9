package live_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// The reflectors' handlers remember, for all of the process, when the last error was, and sleep if that was just now. Each test has
// a time of its own.
func init() { utilruntime.ErrorHandlers = nil }

// breaking is an API server of HelmReleases that fails on demand, with who reads them through a cache.
type breaking struct {
	client.WithWatch
	t           *testing.T
	streams     bool // it can stream a list
	cache       *live.Cache
	reader      *live.Reader
	end         context.CancelFunc
	log         output
	definitions *watch.FakeWatcher

	mu       sync.Mutex
	names    string                  // what is there, apart by spaces
	refuse   func(verb string) error // of a request for HelmReleases: list, stream or watch; nil refuses none
	gate     chan struct{}           // lists and streams wait for it; nil lets them pass
	open     map[*watch.FakeWatcher]bool
	requests int
}

// output is what was logged so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(line)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// eachServer runs test with an API server that can stream a list, and with one that cannot. There is one release by then.
func eachServer(t *testing.T, test func(s *breaking)) {
	t.Helper()
	for name, streams := range map[string]bool{"streams": true, "lists": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s := &breaking{t: t, streams: streams, end: cancel, names: "blog", definitions: watch.NewFake(), open: map[*watch.FakeWatcher]bool{}}
				s.cache = live.New(ctx, s, slog.New(slog.NewTextHandler(&s.log, nil)))
				s.reader = s.cache.Reader()
				defer s.cache.Wait()
				defer cancel()
				_, _ = s.reader.List(releases)
				s.knows("at first", "blog")
				pass(time.Minute) // a watch that ends in its first second is an error to the reflector
				test(s)
			})
		})
	}
}

func (s *breaking) Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	_ = helmv2.AddToScheme(scheme)
	return scheme
}

// asked is what comes of a request for HelmReleases.
func (s *breaking) asked(ctx context.Context, verb string) error {
	s.mu.Lock()
	s.requests++
	refuse, gate := s.refuse, s.gate
	s.mu.Unlock()
	if gate != nil && verb != "watch" {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if refuse == nil {
		return nil
	}
	return refuse(verb)
}

func (s *breaking) items() []helmv2.HelmRelease {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []helmv2.HelmRelease
	for name := range strings.FieldsSeq(s.names) {
		all = append(all, helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name, ResourceVersion: "1"}})
	}
	return all
}

func (s *breaking) List(ctx context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.SetResourceVersion("1")
	all, ok := list.(*helmv2.HelmReleaseList)
	if !ok {
		return nil
	}
	if err := s.asked(ctx, "list"); err != nil {
		return err
	}
	all.Items = s.items()
	return nil
}

func (s *breaking) Watch(ctx context.Context, list client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
	stream := (&client.ListOptions{}).ApplyOptions(options).Raw.SendInitialEvents != nil
	_, ofReleases := list.(*helmv2.HelmReleaseList)
	verb := "watch"
	switch {
	case stream && (!s.streams || !ofReleases):
		return nil, errors.New("sendInitialEvents is forbidden")
	case !ofReleases:
		return s.definitions, nil
	case stream:
		verb = "stream"
	}
	if err := s.asked(ctx, verb); err != nil {
		return nil, err
	}
	events := watch.NewFakeWithChanSize(100, false)
	if stream {
		for _, item := range s.items() {
			events.Add(&item)
		}
		events.Action(watch.Bookmark, &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{
			ResourceVersion: "1", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"},
		}})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[events] = true
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, events)
	})
	return events, nil
}

// now has these releases there and refuses requests so. With cut what is watched ends, and nobody is told of what changed.
func (s *breaking) now(names string, cut bool, refuse func(verb string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names, s.refuse = names, refuse
	for events := range s.open {
		if cut {
			events.Stop()
			delete(s.open, events)
		}
	}
}

// count is how often HelmReleases were asked for.
func (s *breaking) count() int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *breaking) watches() int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// list is what the reader knows by now, and why that is not all.
func (s *breaking) list() (names string, err error) {
	synctest.Wait()
	all, err := live.Of[*helmv2.HelmRelease](s.reader, releases)
	for _, release := range all {
		names = strings.TrimSpace(names + " " + release.Name)
	}
	return names, err
}

func (s *breaking) knows(when, want string) {
	s.t.Helper()
	if names, err := s.list(); err != nil || names != want {
		s.t.Errorf("%s: %q, %v, want %q", when, names, err, want)
	}
}

func (s *breaking) stale(when, want string, lasting bool) {
	s.t.Helper()
	names, err := s.list()
	if old, is := errors.AsType[live.Stale](err); !is || names != want || old.Lasting != lasting {
		s.t.Errorf("%s: %q, %v (%+v), want %q, lasting: %v", when, names, err, old, want, lasting)
	}
}

// told expects so many warnings in all.
func (s *breaking) told(when string, want int) {
	s.t.Helper()
	synctest.Wait()
	if text := s.log.String(); strings.Count(text, "level=WARN") != want {
		s.t.Errorf("%s: want %d warnings:\n%s", when, want, text)
	}
}

// forbidden names the verb, as an API server does.
func forbidden(verb string) error {
	if verb == "stream" {
		verb = "watch"
	}
	return apierrors.NewForbidden(schema.GroupResource{Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases"}, "", fmt.Errorf("user cannot %s", verb))
}

// unreachable is what client-go says of an API server that does not listen; the URL of a request is another one each time.
func unreachable() func(string) error {
	n := 0
	return func(string) error {
		n++
		to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7445}
		dial := &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		return &url.Error{Op: "Get", URL: fmt.Sprintf("https://127.0.0.1:7445/x?timeoutSeconds=%d", n), Err: dial}
	}
}

// reset is what it says of one whose load balancer has nobody to ask: the port of this side is another one each time.
func reset() func(string) error {
	n := 40000
	return func(string) error {
		n++
		from, to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7445}
		return &net.OpError{Op: "read", Net: "tcp", Source: from, Addr: to, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
}

func pass(d time.Duration) { <-time.After(d) }
