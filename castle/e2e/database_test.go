//go:build root

package e2e_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/talos"
)

// testApps looks at the apps that need the database: they started when its stand-in brought their Secrets.
func testApps(t *testing.T, w *world) {
	for app := range waiting {
		p := w.untilPod(t, app, "to be Ready", podReady)
		init := p.Status.InitContainerStatuses[0]
		if init.RestartCount != 0 || init.State.Terminated == nil || init.State.Terminated.ExitCode != 0 {
			t.Errorf("%s: the init container: %+v", app, init)
		}
		secret, err := w.core.CoreV1().Secrets(databaseNamespace).Get(t.Context(), userSecret(app), metav1.GetOptions{})
		if err != nil || secret.Labels["tazlab.net/stand-in"] != "true" {
			t.Errorf("%v, labels %v: the Secret of %s is not the stand-in's", err, secret.Labels, app)
		}
		if ended := init.State.Terminated; ended != nil && ended.FinishedAt.Time.Before(secret.CreationTimestamp.Time) {
			t.Errorf("%s was let go %s, before its Secret came %s", app, ended.FinishedAt, secret.CreationTimestamp)
		}
	}
}

// A database that never comes holds up nobody but those that need it, and each says what is missing.
func TestDatabaseNever(t *testing.T) {
	w := newWorld(t, talos.CreateMissing)
	seen := w.record(t)
	tree := t.TempDir()
	if err := w.CopyTree(tree); err != nil {
		t.Fatal(err)
	}
	if err := life.SetDatabase(tree, life.Never); err != nil {
		t.Fatal(err)
	}
	if err := w.Push(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	w.plantUntil(t, tree, w.FollowWithoutDatabase)
	for _, part := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"the blog answers from the host", testBlog},
		{"the report names the database and nothing else", testReportWithoutDatabase},
		{"Pods wait for their Secrets and say so", testHeld},
		{"the castle says who should bring the Secrets", testMissing},
		{"a Secret without the key starts no Pod", testIncomplete},
		{"the complete Secrets start the Pods", testStarted},
		{"no Pod was ever in an error", seen.test},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, w) }) {
			return
		}
	}
}

func testReportWithoutDatabase(t *testing.T, w *world) {
	table, err := w.Timeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range units {
		_, line, _ := strings.Cut(table, "flux-system/"+name+" ")
		line, _, _ = strings.Cut(line, "\n")
		if name != "infrastructure-instances" {
			if ready, message := w.ready(t, name); !ready {
				t.Errorf("%s is not Ready: %s", name, message)
			}
			continue
		}
		if !strings.Contains(line, "PostgresCluster/tazlab-db/tazlab-db") {
			t.Errorf("the report does not say what is missing: %q\n%s", line, table)
		}
	}
	t.Logf("the report:\n%s", table)
	events, err := w.core.CoreV1().Events(life.SeedNamespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=UnitNotReady"})
	if err != nil || len(events.Items) != 1 || !strings.Contains(events.Items[0].Message, "infrastructure-instances") {
		t.Errorf("%v, the Events UnitNotReady are %+v; want one, of the database", err, events.Items)
	}
}

// testMissing watches what waitfor tells: while a Secret stays absent it looks only every 30 s at how the database does, and the
// stand-in may have said that just after.
func testMissing(t *testing.T, w *world) {
	var missing string
	var err error
	defer func() { t.Logf("castle up would say:\n%s", missing) }()
	events, selector := corev1.SchemeGroupVersion.WithResource("events"), metav1.ListOptions{FieldSelector: "reason=Waiting"}
	w.until(t, events, databaseNamespace, selector, "each app to name its Secret and who brings it", func(*unstructured.Unstructured) bool {
		missing, err = w.Missing(t.Context())
		return err != nil || tellAll(missing)
	})
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(missing, "\n"); lines != len(waiting) {
		t.Errorf("%d lines, want one for each app that waits", lines)
	}
}

// tellAll tells whether the line of each app names its Secret, the database that brings it, and why that does not.
func tellAll(missing string) bool {
	for app := range waiting {
		_, line, _ := strings.Cut(missing, "Pod "+databaseNamespace+"/"+app+"-")
		line, _, _ = strings.Cut(line, "\n")
		for _, want := range []string{userSecret(app), "PostgresCluster tazlab-db/tazlab-db", "castle up --database never"} {
			if !strings.Contains(line, want) {
				return false
			}
		}
	}
	return true
}
