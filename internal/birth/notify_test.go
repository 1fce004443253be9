package birth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/births"
)

func TestWhatTheChatIsTold(t *testing.T) {
	t.Parallel()
	root := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "flux-system"}}
	ended, end := context.WithCancel(t.Context())
	end()
	login := errors.New("https://me:hunter2@git.example.com/x.git cannot be\n read")
	for name, test := range map[string]struct {
		ctx          context.Context
		report       *report.Report
		planted, off bool
		err          error
		want         []string
	}{
		"a birth": {t.Context(), births.Nudged(), true, false, nil,
			[]string{"info", "TreeStands", "Flux is planted at main@sha1:38c9b352a7c1f4e0d9b86a5512c77de0a3b4c9f1; all 13 Kustomizations are Ready; suspended, so not waited for: infrastructure-networking",
				"first app online (apps-static) 29.46s, everything 43.46s after the start of the machine"}},
		"a tree that stood before": {t.Context(), births.Castle(), false, false, nil, []string{"info", "all 15 Kustomizations are Ready"}},
		"the time is up": {t.Context(), births.Late(), true, false, errors.New("the time is up"),
			[]string{"error", "TreeDoesNotStand", "the tree does not stand: stalled, so that Flux does not try again: helmrelease/longhorn-system/longhorn: Helm install failed"}},
		"nothing is known": {t.Context(), &report.Report{}, true, false, login, []string{"error", "the tree does not stand: https://git.example.com/x.git cannot be read"}},
		"the Pod is ended": {ended, births.Castle(), true, false, nil, nil},
		"nobody asked":     {t.Context(), births.Castle(), true, true, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := make(chan eventv1.Event, 10)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var e eventv1.Event
				_ = json.NewDecoder(r.Body).Decode(&e)
				told <- e
			}))
			defer server.Close()
			b := &Birth{Bundle: &bundle.Bundle{Root: root}, Report: test.report, Log: slog.New(slog.DiscardHandler), planted: test.planted, EventsAddr: notify.Address(server.URL)}
			if test.off {
				b.EventsAddr = ""
			}
			b.announce(test.ctx, b.Report.Summary(), test.err)
			if len(told) > 1 || (len(told) == 0) != (test.want == nil) {
				t.Fatalf("told %d times", len(told))
			}
			if test.want == nil {
				return
			}
			e := <-told
			text := strings.Join([]string{e.Severity, e.Reason, e.Message}, " ")
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in %q", want, text)
				}
			}
			if strings.Contains(text, "hunter2") || !test.planted && strings.Contains(text, "first app") {
				t.Error(text)
			}
		})
	}
}
