package main_test

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// certificate is an authority in PEM, as a cluster's CA is.
func certificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return pemOf(server)
}

func pemOf(server *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// listen accepts connections until the test ends, and returns the port.
func listen(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// waiting is a running waitfor.
type waiting struct {
	*exec.Cmd
	lines *bufio.Scanner
	all   []string
}

func (c *container) start(t *testing.T, args ...string) *waiting {
	t.Helper()
	command := c.command(t, args...)
	stderr, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	// No test waits for ever: the end of the program is the end of its lines.
	limit := time.AfterFunc(time.Minute, func() { _ = command.Process.Kill() })
	t.Cleanup(func() { limit.Stop() })
	return &waiting{Cmd: command, lines: bufio.NewScanner(stderr)}
}

// await reads lines up to one that holds the text.
func (w *waiting) await(t *testing.T, text string) {
	t.Helper()
	for w.lines.Scan() {
		w.all = append(w.all, w.lines.Text())
		if strings.Contains(w.lines.Text(), text) {
			return
		}
	}
	t.Fatalf("waitfor has not said %q: %q", text, w.all)
}

// end reads the rest and returns the exit code.
func (w *waiting) end(t *testing.T) int {
	t.Helper()
	for w.lines.Scan() {
		w.all = append(w.all, w.lines.Text())
	}
	_ = w.Wait()
	return w.ProcessState.ExitCode()
}

func holds(lines []string, text string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) })
}

// Endpoints need no token, and no API server.
func TestEndpointsNeedNoAPI(t *testing.T) {
	t.Parallel()
	ready := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-ready:
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	c := newContainer(t, "WAITFOR_TARGETS="+server.URL+"/ready\n dns://localhost\n")
	w := c.start(t, "tcp://127.0.0.1:"+listen(t))
	w.await(t, "waiting for "+server.URL+"/ready")
	close(ready)
	if code := w.end(t); code != 0 {
		t.Fatalf("exit %d: %q", code, w.all)
	}
	message, err := os.ReadFile(c.termination)
	if err != nil || !strings.HasPrefix(string(message), "met after ") || !strings.HasSuffix(w.all[len(w.all)-1], string(message)) {
		t.Errorf("the termination message is %q, %v: %q", message, err, w.all)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	pod, _ := newPod(t)
	got := pod.run(t, "--timeout=50ms", "secret/a", "tcp://127.0.0.1:1")
	if got.code != 124 || !strings.HasPrefix(got.termination, "timed out after 50ms, waiting for secret/a: ") || !strings.Contains(got.termination, "tcp://127.0.0.1:1: ") {
		t.Errorf("exit %d: %q", got.code, got.termination)
	}
}

// A time of 0 is none.
func TestNoTimeout(t *testing.T) {
	t.Parallel()
	pod, _ := newPod(t)
	w := pod.start(t, "--timeout=0", "secret/a")
	w.await(t, "waiting for secret/a: the API server 127.0.0.1:1 cannot be asked")
	if err := w.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := w.end(t); code != 143 {
		t.Errorf("exit %d: %q", code, w.all)
	}
}

// A signal ends it also while it waits for the first answer.
func TestSignalBeforeTheFirstAnswer(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		asked, end := make(chan struct{}), make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(asked)
			<-end
		}))
		c := newContainer(t)
		w := c.start(t, server.URL)
		<-asked
		if err := w.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		got := w.end(t)
		close(end)
		server.Close()
		message, err := os.ReadFile(c.termination)
		if err != nil || got != code || !strings.HasPrefix(string(message), "ended by SIG") || !strings.Contains(string(message), server.URL+": no answer yet") {
			t.Errorf("%s: exit %d, the termination message is %q, %v: %q", signal, got, message, err, w.all)
		}
	}
}

func TestJSONLog(t *testing.T) {
	t.Parallel()
	pod, _ := newPod(t)
	w := pod.start(t, "--log-format=json", "secret/a", "--fail-if=tcp://127.0.0.1:1")
	for !holds(w.all, `"target":"secret/a"`) || !holds(w.all, `"target":"tcp://127.0.0.1:1"`) {
		w.await(t, "")
	}
	if err := w.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := w.end(t); code != 143 {
		t.Fatalf("exit %d: %q", code, w.all)
	}
	for i, line := range w.all {
		var record struct {
			Time, Level, Msg, Target, Why string
			Exit                          *int
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if _, err := time.Parse(time.RFC3339Nano, record.Time); err != nil || record.Level == "" || record.Msg == "" {
			t.Errorf("no time, level or message: %s", line)
		}
		if last := i == len(w.all)-1; last != (record.Exit != nil && *record.Exit == 143 && record.Level == "ERROR") || last == (record.Target != "" && record.Why != "") {
			t.Errorf("line %d of %d: %s", i+1, len(w.all), line)
		}
	}
}

// The kubelet takes 4096 bytes, and no half letters.
func TestTerminationMessageIsShort(t *testing.T) {
	t.Parallel()
	for _, pad := range []string{"", "a", "aa"} { // one of them would cut a letter
		targets := []string{"secret/x#jsonpath={.a}=" + pad}
		for i := range 300 {
			targets = append(targets, fmt.Sprintf("secret/x%d#jsonpath={.a}=%s", i, strings.Repeat("ä€😀", 10)))
		}
		if pad == "" {
			targets = targets[1:]
		}
		pod, _ := newPod(t, "WAITFOR_TARGETS="+strings.Join(targets, "\n"))
		got := pod.run(t, "--timeout=10ms")
		if got.code != 124 || len(got.termination) > 4096 || len(got.termination) < 4090 || !utf8.ValidString(got.termination) || !strings.HasSuffix(got.termination, "\n[cut: the log has it all]") {
			t.Errorf("exit %d, %d bytes: %s", got.code, len(got.termination), got.termination)
		}
	}
}

// Where the message cannot be written, the exit code is what it would have been.
func TestTerminationFile(t *testing.T) {
	t.Parallel()
	target := "tcp://127.0.0.1:" + listen(t)
	dir := t.TempDir()
	for file, warned := range map[string]bool{filepath.Join(dir, "none"): false, dir: true, "": false} {
		c := newContainer(t, "WAITFOR_TERMINATION_LOG="+file)
		c.environ = c.environ[1:]
		got := c.run(t, target)
		if got.code != 0 || strings.Contains(got.stderr, "the termination message: opening it") != warned {
			t.Errorf("%q: exit %d: %s", file, got.code, got.stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("a file was made: %v", err)
	}
	// A shorter message leaves nothing of what was there.
	c := newContainer(t)
	write(t, c.termination, strings.Repeat("x", 5000))
	if got := c.run(t, target); !strings.HasPrefix(got.termination, "met after") || strings.Contains(got.termination, "xxx") {
		t.Errorf("the termination message is %q", got.termination)
	}
}
