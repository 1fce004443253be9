//go:build apiserver

package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/live"
)

const hidden = "s3cr3t"

// listed waits until all of q is known.
func listed(t *testing.T, reader *live.Reader, q live.Query) []client.Object {
	t.Helper()
	late := time.After(time.Minute)
	for {
		all, err := reader.List(q)
		if err == nil {
			return all
		}
		if !errors.Is(err, live.ErrNotYet) {
			t.Fatal(err)
		}
		select {
		case <-reader.Changes():
		case <-late:
			t.Fatalf("%s is not listed", q.Kind.Kind)
		}
	}
}

// What the cache holds has no value of a Secret and none of a HelmRelease; two who look at it both learn of a change, and
// share one watch, which ends when it is dropped.
func TestLiveHoldsWhatIsJudged(t *testing.T) {
	t.Parallel()
	admins := newClient(t, admin)
	if _, err := apply.New(admins).Apply(t.Context(), kustomization("flux"), definitions(t)); err != nil {
		t.Fatal(err)
	}
	const ns = "live-held"
	release := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "blog", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: hidden}}}
	release.Spec.Interval = metav1.Duration{Duration: time.Hour}
	release.Spec.Chart = &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{Chart: "blog", SourceRef: helmv2.CrossNamespaceObjectReference{Kind: "HelmRepository", Name: "charts"}}}
	if err := json.Unmarshal([]byte(`{"spec": {"values": {"password": "`+hidden+`"}}}`), release); err != nil {
		t.Fatal(err)
	}
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, release,
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "login", Annotations: map[string]string{"a": hidden}}, Data: map[string][]byte{"password": []byte(hidden)}},
	} {
		if err := admins.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	var watches atomic.Int32
	counted := rest.CopyConfig(admin)
	counted.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if strings.HasSuffix(request.URL.Path, "/secrets") && !strings.Contains(request.Header.Get("Accept"), "PartialObjectMetadata") {
				t.Errorf("asked for Secrets with %q", request.Header.Get("Accept"))
			}
			response, err := next.RoundTrip(request)
			if err == nil && request.URL.Query().Get("watch") != "" && strings.HasSuffix(request.URL.Path, "/helmreleases") {
				watches.Add(1)
				response.Body = &watched{ReadCloser: response.Body, open: &watches}
			}
			return response, err
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cache := live.New(ctx, newClient(t, counted), slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(cache.Wait)
	t.Cleanup(cancel)
	one, two := cache.Reader(), cache.Reader()
	releases := live.Query{Kind: helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind), Namespace: ns}
	secrets := live.Query{Kind: corev1.SchemeGroupVersion.WithKind("Secret"), Namespace: ns, Metadata: true}
	for _, q := range []live.Query{releases, secrets} {
		all := listed(t, one, q)
		text, err := json.Marshal(all)
		if err != nil || len(all) != 1 || strings.Contains(string(text), hidden) || strings.Contains(string(text), "c3Nj") {
			t.Errorf("%s: %d objects, %v: %s", q.Kind.Kind, len(all), err, text)
		}
	}
	listed(t, two, releases)
	drain(one.Changes())
	drain(two.Changes())
	release.Spec.Suspend = true
	if err := admins.Update(t.Context(), release); err != nil {
		t.Fatal(err)
	}
	for i, reader := range []*live.Reader{one, two} {
		for late, seen := time.After(time.Minute), false; !seen; { // the first that is told may still be the list
			select {
			case <-reader.Changes():
			case <-late:
				t.Fatalf("subscriber %d is not told", i)
			}
			all, err := live.Of[*helmv2.HelmRelease](reader, releases)
			if err != nil || len(all) != 1 {
				t.Fatalf("subscriber %d sees %+v, %v", i, all, err)
			}
			seen = all[0].Spec.Suspend
		}
	}
	if n := watches.Load(); n != 1 {
		t.Errorf("%d watches of HelmReleases are open", n)
	}
	one.Drop(releases)
	if all, err := two.List(releases); err != nil || len(all) != 1 || watches.Load() != 1 {
		t.Errorf("when one of two needs it: %v, %v, %d watches", all, err, watches.Load())
	}
	two.Drop(releases)
	if n := watches.Load(); n != 0 {
		t.Errorf("%d watches of HelmReleases are open after they were dropped", n)
	}
}

func drain(changes <-chan struct{}) {
	select {
	case <-changes:
	default:
	}
}

// restricted is a client that may not read a kind.
func restricted(t *testing.T, path string) cluster.Client {
	t.Helper()
	config := rest.CopyConfig(admin)
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(request.URL.Path, path) {
				return next.RoundTrip(request)
			}
			answer := httptest.NewRecorder()
			answer.WriteHeader(http.StatusForbidden)
			return answer.Result(), nil
		})
	}
	return newClient(t, config)
}

// A kind that cannot be read is an error, never an empty list.
func TestLiveTellsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	if _, err := apply.New(newClient(t, admin)).Apply(t.Context(), kustomization("flux"), definitions(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cache := live.New(ctx, restricted(t, "/kustomizations"), slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(cache.Wait)
	t.Cleanup(cancel)
	reader := cache.Reader()
	units := live.Query{Kind: kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind)}
	_, err := reader.List(units)
	for errors.Is(err, live.ErrNotYet) {
		select {
		case <-reader.Changes():
		case <-time.After(time.Minute):
			t.Fatal("nothing is told")
		}
		_, err = reader.List(units)
	}
	if err == nil || live.NotServed(err) || !strings.Contains(err.Error(), "watching Kustomization") {
		t.Errorf("List: %v", err)
	}
}
