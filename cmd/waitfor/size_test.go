package main_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tazlab/seed/test/size"
)

// flags are the ones of "make build": without inlining the program is a megabyte smaller.
var flags = []string{"-gcflags=all=-l"}

// What waitfor may weigh, in bytes: it is pulled by every node and started before every Pod that waits.
const (
	maxProgram = 12_000_000
	maxImage   = 5_000_000
	maxMemory  = 20_000_000
)

func TestProgramIsSmall(t *testing.T) {
	t.Parallel()
	for _, architecture := range []string{"amd64", "arm64"} {
		t.Run(architecture, func(t *testing.T) {
			t.Parallel()
			file := size.Build(t, architecture, flags...)
			program, compressed := size.Weigh(t, file)
			t.Logf("%d bytes, %d compressed", program, compressed)
			if program > maxProgram || compressed > maxImage {
				t.Errorf("%d bytes, %d compressed: more than %d and %d", program, compressed, maxProgram, maxImage)
			}
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// The names of functions are in a stripped program too, for its stack traces.
			if !bytes.Contains(code, []byte("k8s.io/client-go/dynamic.(*")) {
				t.Error("the names of its functions cannot be found in the program")
			}
			for _, name := range []string{"text/template.(*", "k8s.io/api/core/v1.(*", "k8s.io/client-go/restmapper.", "sigs.k8s.io/controller-runtime/"} {
				if bytes.Contains(code, []byte(name)) {
					t.Errorf("it holds functions of %s", strings.Trim(name, ".(*/"))
				}
			}
		})
	}
}

// While it waits it needs little: an init container's memory is set aside for the whole life of its Pod.
func TestMemory(t *testing.T) {
	t.Parallel()
	watched := make(chan struct{}, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") != "" {
			w.(http.Flusher).Flush()
			watched <- struct{}{}
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"details":{"name":"database","kind":"secrets"}}`))
	}))
	defer server.Close()
	pod, volume := newPod(t)
	write(t, filepath.Join(volume, "ca.crt"), pemOf(server))
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	pod.environ = append(pod.environ, "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port)
	w := pod.start(t, "secret/database#key=password")
	w.await(t, "waiting for secret/database#key=password: ")
	<-watched
	memory := peak(t, w.Process.Pid)
	if err := w.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := w.end(t); code != 143 {
		t.Fatalf("exit %d: %q", code, w.all)
	}
	t.Logf("%d bytes, %s of CPU", memory, w.ProcessState.UserTime()+w.ProcessState.SystemTime())
	if memory > maxMemory {
		t.Errorf("it took %d bytes of memory, more than %d", memory, maxMemory)
	}
}

// peak is the most memory that a running process has held, in bytes. What the system says of one that has ended (Maxrss) counts
// that of this test too, of which it was a copy for a moment.
func peak(t *testing.T, process int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process)) // https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscanf(after, "%d kB", &kilobytes); err != nil {
		t.Fatalf("the system does not tell how much memory it took: %v", err)
	}
	return kilobytes << 10
}
