//go:build root

package node

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// TestRestart restarts a node twice: one that runs, and one whose power failed.
func TestRestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := testConfig(t)
	before := traces(ctx, t)
	handle := start(ctx, t, c)
	before["namespaces"] = namespaces(t, handle.PID)
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}, Data: map[string]string{"k": "v"}}
	if _, err := client(t, c.Dir).CoreV1().ConfigMaps("default").Create(ctx, object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	runsPod(ctx, t, c.Dir)
	handle = restarted(ctx, t, c, handle, func() {})
	if err := os.WriteFile(Logs(c.Dir, "mark"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	restarted(ctx, t, c, handle, func() {
		if err := syscall.Kill(handle.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(Logs(c.Dir, "mark")); err != nil {
		t.Errorf("the logs: %v", err)
	}
	stop(ctx, t, c.Dir)
	leavesNothing(ctx, t, c.Dir, before)
}

// restarted restarts the node that old handles, after what happens to it before, and checks what must be as it was and what must not.
func restarted(ctx context.Context, t *testing.T, c Config, old *Handle, happens func()) *Handle {
	t.Helper()
	api, began := client(t, c.Dir), time.Now()
	was := inspect(ctx, t, api)
	inside(ctx, t, c.Dir, "touch", "/run/lost", "/var/kept")
	happens()
	handle, err := Restart(ctx, c.Dir, c.OnEvent)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("restarted in %.2fs", time.Since(began).Seconds())
	if err := old.Wait(ctx); ctx.Err() != nil {
		t.Errorf("the supervisor before did not end: %v", err)
	}
	up, err := strconv.ParseFloat(strings.Fields(inside(ctx, t, c.Dir, "cat", "/proc/uptime"))[0], 64)
	if err != nil || up > time.Since(began).Seconds()+1 { // the clock was set back by whole seconds
		t.Errorf("uptime %.2fs after a restart that began %.2fs ago (%v)", up, time.Since(began).Seconds(), err)
	}
	if left := inside(ctx, t, c.Dir, "sh", "-c", "for f in /run/lost /var/kept; do [ ! -e $f ] || echo $f; done"); left != "/var/kept" {
		t.Errorf("files that are left: %q", left)
	}
	report, err := Status(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	ready := func(e Event) bool { return e.Name == NodeReady }
	if len(report.Events) == 0 || report.Events[0].Time.Before(began) || !slices.ContainsFunc(report.Events, ready) || !report.Running {
		t.Errorf("running %t, events %v", report.Running, report.Events)
	}
	for name, address := range old.Doors {
		if handle.Doors[name] != address {
			t.Errorf("the door %s was at %s and is at %s", name, address, handle.Doors[name])
		}
	}
	if got := get(ctx, t, "http://"+handle.Doors["hello"]); got != "hello" {
		t.Errorf("the door leads to %q", got)
	}
	if data := keptMap(ctx, t, api); data["k"] != "v" { // with the client from before: the kubeconfig is still good
		t.Errorf("the ConfigMap has %v", data)
	}
	eventually(ctx, t, "wait until the pod runs again", func(ctx context.Context) error {
		is := inspect(ctx, t, api)
		if is.uid != was.uid || is.restarts <= was.restarts || !is.running {
			return fmt.Errorf("before %+v, now %+v", was, is)
		}
		return nil
	})
	return handle
}

func keptMap(ctx context.Context, t *testing.T, api kubernetes.Interface) map[string]string {
	t.Helper()
	found, err := api.CoreV1().ConfigMaps("default").Get(ctx, "kept", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found.Data
}

// life is what tells whether the Pod of runsPod is the same, and runs anew.
type life struct {
	uid      types.UID
	restarts int32
	running  bool
}

func inspect(ctx context.Context, t *testing.T, api kubernetes.Interface) life {
	t.Helper()
	p, err := api.CoreV1().Pods("default").Get(ctx, "pause", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	status := p.Status.ContainerStatuses[0]
	return life{p.UID, status.RestartCount, status.State.Running != nil}
}
