package follow

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
	"github.com/tazlab/seed/internal/report"
)

// The reflectors' handlers remember, for all of the process, when the last error was, and sleep if that was just now. Each bubble of
// synctest has a time of its own.
func init() { utilruntime.ErrorHandlers = nil }

// unserved is a cluster where whatever is asked for ends with err.
type unserved struct {
	client.WithWatch
	err error
}

func (u unserved) Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	_ = kustomizev1.AddToScheme(scheme)
	return scheme
}

func (u unserved) List(context.Context, client.ObjectList, ...client.ListOption) error { return u.err }

func (u unserved) Watch(context.Context, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
	return nil, u.err
}

// What cannot be followed yet is said once, and waited for.
func TestKindThatIsNotServedIsNamed(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"does not serve Kustomizations yet": &apimeta.NoKindMatchError{
			GroupKind: schema.GroupKind{Group: kustomizev1.GroupVersion.Group, Kind: kustomizev1.KustomizationKind}, SearchedVersions: []string{"v1"},
		},
		"cannot be read, and it is tried again: watching Kustomization: out of reach": errors.New("out of reach"),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		log := slog.New(slog.DiscardHandler)
		cache := live.New(ctx, unserved{err: err}, log)
		var told []Unit
		root := types.NamespacedName{Namespace: "flux-system", Name: "root"}
		tree := Tree{Cache: cache, Roots: []types.NamespacedName{root}, Log: log, Changed: func(all, changed []Unit) bool {
			told = append(told, changed...)
			cancel()
			return false
		}}
		treeErr := tree.Follow(ctx)
		if len(told) != 1 || told[0].Key() != root || told[0].Ready || !strings.Contains(told[0].Reason, want) {
			t.Errorf("told %+v, want %q", told, want)
		}
		if !errors.Is(treeErr, context.Canceled) {
			t.Errorf("Tree: %v", treeErr)
		}
		cancel()
		cache.Wait()
	}
}

// standing is a cluster whose tree stands: a root that is Ready and has brought a release. What it says of releases it says
// after a second.
type standing struct {
	client.WithWatch
	releases func(context.Context) error
}

func (s standing) Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	_ = kustomizev1.AddToScheme(scheme)
	_ = helmv2.AddToScheme(scheme)
	return scheme
}

func (s standing) List(ctx context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.SetResourceVersion("1")
	switch all := list.(type) {
	case *kustomizev1.KustomizationList:
		all.Items = []kustomizev1.Kustomization{*brought("root", yes, aRelease)}
	case *helmv2.HelmReleaseList:
		<-time.After(time.Second)
		all.Items = []helmv2.HelmRelease{{ObjectMeta: named("apps", "blog")}}
		return s.releases(ctx)
	}
	return nil
}

// Watch is one of an API server that cannot begin it with what is there.
func (s standing) Watch(_ context.Context, _ client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
	if (&client.ListOptions{}).ApplyOptions(options).Raw.SendInitialEvents != nil {
		return nil, errors.New("sendInitialEvents is forbidden")
	}
	return watch.NewFake(), nil
}

// Of a tree that stands already the end comes when its parts are known, or cannot be; and no later.
func TestTheEndHasTheParts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		releases func(context.Context) error
		phase    report.Phase // of the release; empty if it is not among the units
		after    time.Duration
	}{
		"served":     {func(context.Context) error { return nil }, report.PhaseQueued, time.Second},
		"not served": {func(context.Context) error { return &apimeta.NoKindMatchError{} }, report.PhaseAbsent, time.Second},
		"forbidden":  {func(context.Context) error { return errors.New("forbidden") }, report.PhaseUnknown, time.Second},
		"no answer":  {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "", unanswered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				log := slog.New(slog.DiscardHandler)
				cache := live.New(ctx, standing{releases: test.releases}, log)
				var units []Unit
				tree := Tree{Cache: cache, Log: log, Changed: func(all, _ []Unit) bool {
					units = all
					return true
				}}
				began := time.Now()
				err := tree.Follow(ctx)
				if took := time.Since(began); err != nil || took != test.after {
					t.Errorf("it ended after %s with %v, want %s", took, err, test.after)
				}
				var phase report.Phase
				for _, u := range units[1:] {
					phase = u.Phase
				}
				if units[0].Name != "root" || phase != test.phase {
					t.Errorf("the units are %+v", units)
				}
				cancel()
				cache.Wait()
			})
		})
	}
}

// What was enough before the parts were known, and is not any more, ends nothing: a goal that can never stand, say, whose unit is
// resumed in that moment.
func TestTheEndIsTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		log := slog.New(slog.DiscardHandler)
		cache := live.New(ctx, standing{releases: func(context.Context) error { return nil }}, log)
		tree := Tree{Cache: cache, Log: log, Changed: func(all, _ []Unit) bool { return len(all) == 1 }}
		if err := tree.Follow(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v, want that it goes on", err)
		}
		cancel()
		cache.Wait()
	})
}
