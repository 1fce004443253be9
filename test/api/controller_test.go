//go:build apiserver

package api_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/sourceignore"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/cluster"
)

// compared is the label of the Kustomizations that the real kustomize-controller sees; the other tests of
// this package play it themselves.
const compared = "test.seed.tazlab.net/compared"

// startController runs the real kustomize-controller against the API server until the test ends. It sees the
// Kustomizations that have the label compared with the value seen; flags win over those of the tests.
func startController(t *testing.T, seen string, flags ...string) {
	t.Helper()
	startFlux(t, "kustomize-controller", seen, flags...)
}

// startFlux runs one of the controllers that reconcile what has the label compared with the value seen.
func startFlux(t *testing.T, program, seen string, flags ...string) {
	t.Helper()
	startProgram(t, program,
		append([]string{"--watch-label-selector=" + compared + "=" + seen, "--concurrent=8", "--requeue-dependency=1s", "--min-retry-delay=10ms"}, flags...)...)
}

// startProgram runs one of Flux's controllers against the API server until the test ends, and returns its log.
func startProgram(t *testing.T, name string, flags ...string) *programLog {
	t.Helper()
	log := &programLog{grown: make(chan struct{}, 1)}
	cmd := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), name), append([]string{"--metrics-addr=0", "--health-addr=0"}, flags...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+adminKubeconfig(t), "TMPDIR="+t.TempDir(), "RUNTIME_NAMESPACE=flux-system")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // its context has ended: it says so
		if t.Failed() {
			t.Logf("%s:\n%s", name, log)
		}
	})
	return log
}

// adminKubeconfig is a file with the access of a cluster admin.
func adminKubeconfig(t *testing.T) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: admin.CertData, ClientKeyData: admin.KeyData}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// programLog keeps what a program writes.
type programLog struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{}
}

func (l *programLog) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return l.text.Write(data)
}

func (l *programLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// until waits until the program has written text so many times.
func (l *programLog) until(t *testing.T, text string, times int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for strings.Count(l.String(), text) < times {
		select {
		case <-l.grown:
		case <-ctx.Done():
			t.Fatalf("the program has not written %q", text)
		}
	}
}

// publish makes a GitRepository "source" with the files of dir for the real controller. The source is
// hand-made, there is no source-controller: the archive follows its rules
// (https://github.com/fluxcd/pkg/blob/artifact/v0.20.0/artifact/storage/archive.go), a loopback server serves
// it, and the test writes status.artifact.
func publish(t *testing.T, live cluster.Client, namespace, dir string) {
	t.Helper()
	data := archive(t, dir)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
	t.Cleanup(server.Close)
	source := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
		"metadata": map[string]any{"name": "source", "namespace": namespace},
		"spec":     map[string]any{"interval": "1h", "url": "https://git.example.com/x.git"},
	}}
	if err := live.Create(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	source.Object["status"] = map[string]any{"artifact": map[string]any{
		"url": server.URL + "/artifact.tar.gz", "path": "artifact.tar.gz", "revision": "main@sha1:1",
		"digest": fmt.Sprintf("sha256:%x", sha256.Sum256(data)), "lastUpdateTime": metav1.Now().UTC().Format(time.RFC3339),
	}}
	if err := live.Status().Update(t.Context(), source); err != nil {
		t.Fatal(err)
	}
}

// archive packs dir: everything but what the ignore rules exclude.
func archive(t *testing.T, dir string) []byte {
	t.Helper()
	domain := strings.Split(dir, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(dir, domain)
	if err != nil {
		t.Fatal(err)
	}
	ignored := sourceignore.NewDefaultMatcher(nil, domain)
	if len(patterns) > 0 { // a rule of one's own replaces the default ones, but for version control
		ignored = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), patterns...))
	}
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	tarred := tar.NewWriter(zipped)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir || ignored.Match(strings.Split(path, string(filepath.Separator)), entry.IsDir()) {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return tarred.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o700})
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := tarred.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = tarred.Write(data)
		return err
	})
	for _, err := range []error{err, tarred.Close(), zipped.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return packed.Bytes()
}

// reconciled creates unit and waits until the real controller is done with it: it returns the unit with its
// inventory, or what the controller says against it.
func reconciled(t *testing.T, live cluster.Client, unit *kustomizev1.Kustomization) (done *kustomizev1.Kustomization, refusal string) {
	t.Helper()
	if err := live.Create(t.Context(), unit); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watched, err := live.Watch(ctx, &kustomizev1.KustomizationList{}, client.InNamespace(unit.Namespace))
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Stop()
	last := "not seen yet"
	for event := range watched.ResultChan() {
		k, ok := event.Object.(*kustomizev1.Kustomization)
		if !ok {
			t.Fatalf("the watch brought %v", event)
		}
		ready := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
		switch {
		case ready == nil:
		case ready.Status == metav1.ConditionTrue && k.Status.LastAppliedRevision != "": // the condition comes first, then the rest of the status
			return k, ""
		case ready.Status == metav1.ConditionFalse && !lags(ready.Message):
			if err := live.Delete(t.Context(), k); err != nil { // or it tries again and again
				t.Fatal(err)
			}
			return nil, ready.Message
		default:
			last = ready.Message
		}
	}
	t.Fatalf("kustomize-controller did not end: %s", last)
	return nil, ""
}

// lags tells whether that only says that the controller's cache is behind the test: it does not have the source yet, of which it
// says the kind, or not the artifact in its status.
// https://github.com/fluxcd/kustomize-controller/blob/v1.9.5/internal/controller/kustomization_controller.go
func lags(message string) bool {
	return strings.HasPrefix(message, "GitRepository."+sourcev1.GroupVersion.Group+" ") || strings.HasPrefix(message, "Source artifact not found, ")
}
