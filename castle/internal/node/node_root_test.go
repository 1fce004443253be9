//go:build root

package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// These tests start real nodes, as root, with the programs that CASTLE_BINARIES lists, one name=path a line:
//
//	CGO_ENABLED=0 CASTLE_BINARIES=FILE go test -tags root ./internal/node

// TestMain is the castle command in small: called as the supervisor, it is one.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "node" {
		c, err := ReadConfig(os.Args[2])
		if err == nil {
			hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
			err = Run(context.Background(), c,
				Service{Name: "registry", Addr: MirrorAddr, TLS: true, Handler: testRegistry(c.Binaries["coredns"])},
				Service{Name: "hello", Addr: ServicesIP + ":8080", Handler: hello})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if program := podPrograms[os.Args[len(os.Args)-1]]; len(os.Args) == 2 && program != nil {
		if err := program(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "pause" {
		asked, cancel := signal.NotifyContext(context.Background(), unix.SIGTERM)
		defer cancel()
		<-asked.Done()
		return
	}
	os.Exit(m.Run())
}

func testConfig(t *testing.T) Config {
	t.Helper()
	data, err := os.ReadFile(os.Getenv("CASTLE_BINARIES"))
	if err != nil {
		t.Fatalf("read the list of programs that CASTLE_BINARIES names: %v", err)
	}
	binaries := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, path, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			binaries[name] = path
		}
	}
	dir := filepath.Join(t.TempDir(), "castle")
	return Config{
		Dir: dir, Command: []string{"node", dir}, Binaries: binaries, Preload: []string{PauseImage},
		Doors: []Door{
			{Name: "hello", HostAddr: "127.0.0.1:0", NodeAddr: ServicesIP + ":8080"},
			{Name: "kubeprism", HostAddr: "127.0.0.1:0", NodeAddr: KubePrism},
			{Name: "cluster-dns", HostAddr: "127.0.0.1:0", NodeAddr: "10.96.0.10:53"},
		},
	}
}

// start starts a node and stops it when the test ends.
func start(ctx context.Context, t *testing.T, c Config) *Handle {
	t.Helper()
	began := time.Now()
	c.OnEvent = func(e Event) {
		t.Logf("%6.2fs %s %s %s", time.Since(began).Seconds(), e.Component, e.Name, e.Message)
	}
	handle, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, name := range []string{"supervisor", "kubelet", "containerd", "kube-apiserver"} {
				t.Logf("%s:\n%s", name, strings.Join(tail(Logs(c.Dir, name), 15), "\n"))
			}
		}
		if err := Stop(context.WithoutCancel(ctx), c.Dir); err != nil {
			t.Error(err)
		}
	})
	return handle
}

func client(t *testing.T, dir string) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", Kubeconfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	config.WarningHandler = rest.NoWarnings{}
	return kubernetes.NewForConfigOrDie(config)
}

// inside runs a program in the node and returns its output.
func inside(ctx context.Context, t *testing.T, dir string, args ...string) string {
	t.Helper()
	line, err := Enter(dir)
	if err != nil {
		t.Fatal(err)
	}
	line = append(line, args...)
	out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestNode(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := testConfig(t)
	before := traces(ctx, t)
	handle := start(ctx, t, c)
	before["namespaces"] = namespaces(t, handle.PID)
	t.Run("is ready and labelled", func(t *testing.T) { labelled(ctx, t, c.Dir) })
	t.Run("is a machine of its own", func(t *testing.T) { machine(ctx, t, c.Dir) })
	t.Run("has KubePrism", func(t *testing.T) { kubePrism(t, handle) })
	t.Run("answers nobody anonymous", func(t *testing.T) { anonymous(ctx, t, c.Dir) })
	t.Run("refuses a hostNetwork pod", func(t *testing.T) { podSecurity(ctx, t, c.Dir) })
	t.Run("encrypts secrets", func(t *testing.T) { encryption(ctx, t, c.Dir) })
	t.Run("issues tokens of the endpoint", func(t *testing.T) { tokens(ctx, t, c.Dir) })
	t.Run("runs a pod", func(t *testing.T) { runsPod(ctx, t, c.Dir) })
	t.Run("collects orphans", func(t *testing.T) { orphans(ctx, t, c.Dir) })
	t.Run("has cluster DNS", func(t *testing.T) { clusterDNS(ctx, t, c, handle) })
	t.Run("has doors", func(t *testing.T) {
		if got := get(ctx, t, "http://"+handle.Doors["hello"]); got != "hello" {
			t.Errorf("the door leads to %q", got)
		}
	})
	t.Run("is there once", func(t *testing.T) {
		if _, err := Start(ctx, c); err == nil || !strings.Contains(err.Error(), "runs there already") {
			t.Errorf("a second start: %v", err)
		}
	})
	stop(ctx, t, c.Dir)
	for range 2 {
		leavesNothing(ctx, t, c.Dir, before)
		stop(ctx, t, c.Dir) // a second time, with nothing to stop
	}
}

func stop(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	began := time.Now()
	if err := Stop(ctx, dir); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped in %.2fs", time.Since(began).Seconds())
}

func TestNodeWhoseSupervisorIsKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := testConfig(t)
	before := traces(ctx, t)
	handle := start(ctx, t, c)
	before["namespaces"] = namespaces(t, handle.PID)
	runsPod(ctx, t, c.Dir)
	process, err := os.FindProcess(handle.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	stop(ctx, t, c.Dir)
	leavesNothing(ctx, t, c.Dir, before)
}

func TestDeathOfAComponentIsTheNodes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := testConfig(t)
	c.Goal = APIReady
	handle := start(ctx, t, c)
	inside(ctx, t, c.Dir, "sh", "-c", "kill -KILL $(cat /proc/[0-9]*/stat | sed -n 's/^\\([0-9]*\\) (kube-apiserver).*/\\1/p')")
	if err := handle.Wait(ctx); err == nil {
		t.Error("the supervisor ended as if all were well")
	}
	report, err := Status(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if report.Running || report.Failure == nil || report.Failure.Component != "kube-apiserver" || len(report.Failure.Log) == 0 {
		t.Errorf("status: running %t, failure %+v", report.Running, report.Failure)
	}
}

func TestStartTellsWhyItFailed(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := testConfig(t)
	before := traces(ctx, t)
	c.Binaries["etcd"] = "/bin/false"
	if _, err := Start(ctx, c); err == nil || !strings.Contains(err.Error(), "etcd ended unexpectedly: exit status 1") {
		t.Errorf("start: %v", err)
	}
	stop(ctx, t, c.Dir)
	leavesNothing(ctx, t, c.Dir, before)
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := testConfig(t)
	before := traces(ctx, t)
	impatient, giveUp := context.WithCancel(ctx)
	c.OnEvent = func(Event) {
		if report, err := Status(c.Dir); err == nil && before["namespaces"] == nil {
			before["namespaces"] = namespaces(t, report.PID)
		}
		giveUp()
	}
	if _, err := Start(impatient, c); !errors.Is(err, context.Canceled) {
		t.Errorf("start: %v", err)
	}
	if report, err := Status(c.Dir); err != nil || report.Running {
		t.Errorf("status: %+v (%v)", report, err)
	}
	stop(ctx, t, c.Dir)
	leavesNothing(ctx, t, c.Dir, before)
}
