package live_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

var releases = live.Query{Kind: helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind)}

// server is an API server that serves HelmReleases, of which there is one, from some moment on.
type server struct {
	client.WithWatch
	served      bool
	definitions *watch.FakeWatcher
	watches     int
}

func (s *server) Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	_ = helmv2.AddToScheme(scheme)
	return scheme
}

func (s *server) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.SetResourceVersion("1")
	all, ok := list.(*helmv2.HelmReleaseList)
	switch {
	case !ok:
		return nil
	case !s.served:
		return &apimeta.NoKindMatchError{GroupKind: releases.Kind.GroupKind(), SearchedVersions: []string{"v2"}}
	}
	all.Items = []helmv2.HelmRelease{{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "blog"}}}
	return nil
}

// Watch is one of an API server that cannot stream a list.
func (s *server) Watch(ctx context.Context, list client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
	o := (&client.ListOptions{}).ApplyOptions(options)
	if o.Raw.SendInitialEvents != nil {
		return nil, errors.New("sendInitialEvents is forbidden")
	}
	if _, of := list.(*helmv2.HelmReleaseList); !of {
		return s.definitions, nil
	}
	if !s.served {
		return nil, &apimeta.NoKindMatchError{GroupKind: releases.Kind.GroupKind()}
	}
	s.watches++
	context.AfterFunc(ctx, func() { s.watches-- })
	return watch.NewFake(), nil
}

// A kind whose definition comes late is taken up in that very moment, and not when the reflector tries again.
func TestLateKind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &server{definitions: watch.NewFake()}
		var told strings.Builder
		cache := live.New(ctx, s, slog.New(slog.NewTextHandler(&told, nil)))
		reader := cache.Reader()
		changes := reader.Changes()
		if _, err := reader.List(releases); !errors.Is(err, live.ErrNotYet) {
			t.Errorf("before anything was asked: %v", err)
		}
		<-time.After(10 * time.Minute) // by now the reflector waits for long
		synctest.Wait()
		if _, err := reader.List(releases); !live.NotServed(err) {
			t.Errorf("before it is served: %v", err)
		}
		s.served = true
		definition := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "helmreleases.helm.toolkit.fluxcd.io"}}
		definition.SetGroupVersionKind(live.Definitions.Kind)
		for range len(changes) {
			<-changes
		}
		came := time.Now()
		s.definitions.Add(definition)
		synctest.Wait()
		all, err := live.Of[*helmv2.HelmRelease](reader, releases)
		if err != nil || len(all) != 1 || all[0].Name != "blog" || time.Since(came) > 0 || len(changes) != 1 {
			t.Errorf("when it is served: %v, %v, after %s, %d changes", all, err, time.Since(came), len(changes))
		}
		reader.Drop(releases)
		synctest.Wait()
		if s.watches != 0 {
			t.Errorf("%d watches are open after it was dropped", s.watches)
		}
		if _, err := reader.List(releases); !errors.Is(err, live.ErrNotYet) {
			t.Errorf("when it was dropped: %v", err)
		}
		synctest.Wait()
		if all, err := reader.List(releases); err != nil || len(all) != 1 {
			t.Errorf("when somebody asks again: %v, %v", all, err)
		}
		cancel()
		cache.Wait()
		if told.Len() > 0 { // a kind that comes late is none, nor is a server that only lists
			t.Errorf("told of an error: %s", &told)
		}
	})
}
