//go:build apiserver

package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/notify"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/test/loopback"
)

// chat is a Provider and an Alert for the Kustomization root, and what comes out of them.
func chat(t *testing.T, live cluster.Client, name, root, severity string) <-chan eventv1.Event {
	t.Helper()
	said := make(chan eventv1.Event, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e eventv1.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Header.Get("Gotk-Component") != "seed" {
			t.Errorf("%v %v", r.Header, err)
		}
		said <- e
	}))
	t.Cleanup(server.Close)
	for kind, spec := range map[string]map[string]any{
		"Provider": {"type": "generic", "address": server.URL},
		"Alert": {
			"providerRef": map[string]any{"name": name}, "eventSeverity": severity,
			"inclusionList": []any{"^Flux ", "^the tree does not stand"},
			"eventSources":  []any{map[string]any{"kind": "Kustomization", "name": root}},
		},
	} {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": kind, "metadata": map[string]any{"name": name, "namespace": "flux-system"}, "spec": spec,
		}}
		if err := live.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := live.Delete(context.Background(), object); err != nil {
				t.Error(err)
			}
		})
	}
	return said
}

// startNotifications runs the real notification-controller and returns the address of its receiver of events.
func startNotifications(t *testing.T) notify.Address {
	t.Helper()
	address := loopback.Address()
	log := startProgram(t, "notification-controller", "--events-addr="+address, "--receiverAddr=127.0.0.1:0")
	// It takes events before it has read what Alerts there are, and then loses them.
	log.until(t, "Starting workers", 3)
	return notify.Address("http://" + address + "/")
}

// Whoever has an Alert for the root reads in the chat how the birth went; an Alert for errors tells of errors alone.
func TestTheChatIsTold(t *testing.T) {
	live := newClient(t, admin)
	tree(t, live, "chat", "chat-app")
	reconcile(t, live, "chat-app", metav1.ConditionTrue, "applied")
	reconcile(t, live, "chat", metav1.ConditionTrue, "applied", "chat-app")
	all, errorsOnly := chat(t, live, "chat-all", "chat", "info"), chat(t, live, "chat-errors", "chat", "error")
	address := startNotifications(t)
	run := func(deadline time.Duration) (summary string, err error) {
		b := &birth.Birth{
			Bundle: &bundle.Bundle{Root: kustomization("chat"), Source: &sourcev1.GitRepository{}}, Cluster: live, EventsAddr: address, Deadline: deadline,
			Log: slog.New(slog.DiscardHandler), Report: &report.Report{Seed: time.Now(), Revision: "main@sha1:1"}, Event: func(context.Context, string, string) {},
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return b.Run(ctx)
	}
	summary, err := run(0)
	if err != nil {
		t.Fatal(err)
	}
	e := heard(t, all)
	if e.Severity != "info" || e.Message != summary || !strings.Contains(e.Message, "all 2 Kustomizations are Ready") ||
		e.Metadata["revision"] != "main@sha1:1" || e.InvolvedObject.Name != "chat" {
		t.Errorf("%+v", e)
	}
	reconcileBecause(t, live, "chat-app", metav1.ConditionFalse, meta.BuildFailedReason, "kustomize build failed at https://me:hunter2@git.example.com/x.git")
	if _, err := run(5 * time.Second); err == nil {
		t.Fatal("a unit that is not Ready stands")
	}
	hearFailure(t, all, errorsOnly)

	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	// What notification-controller has heard just now it does not say again: here another Kustomization is added to it.
	follow := exec.CommandContext(t.Context(), program, "follow", "--root", "flux-system/chat", "--root", "flux-system/chat-gone", "--deadline", "5s", "--events-addr", string(address))
	follow.Env = append(os.Environ(), "KUBECONFIG="+adminKubeconfig(t))
	if out, err := follow.CombinedOutput(); follow.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	hearFailure(t, all, errorsOnly)
	if len(all)+len(errorsOnly) > 0 {
		t.Error("the chat is told more than once")
	}
}

// hearFailure looks at the error that each hears.
func hearFailure(t *testing.T, chats ...<-chan eventv1.Event) {
	t.Helper()
	for _, said := range chats {
		if e := heard(t, said); e.Severity != "error" || !strings.HasPrefix(e.Message, "the tree does not stand: ") || !strings.Contains(e.Message, "failed, and Flux goes on trying: chat-app: kustomize build failed at https://git.example.com/x.git") || e.InvolvedObject.Name != "chat" {
			t.Errorf("%+v", e)
		}
	}
}

// heard is the next that the chat is told.
func heard(t *testing.T, said <-chan eventv1.Event) eventv1.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case e := <-said:
		return e
	case <-ctx.Done():
		t.Fatal("the chat is told nothing")
		return eventv1.Event{}
	}
}
