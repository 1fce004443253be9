package life

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/screen/screentest"
)

// newborn is an API server with seed's Pod, whose log has a line before the root is there and one after it.
type newborn struct {
	planted atomic.Bool
	goesOn  chan struct{} // closed when the second line is to come
}

func (n *newborn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	pods := "/api/v1/namespaces/" + SeedNamespace + "/pods"
	switch {
	case r.URL.Path == "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/flux-system" && n.planted.Load():
		fmt.Fprint(w, `{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"flux-system"}}`)
	case r.URL.Path == pods && !r.URL.Query().Has("watch"):
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"1"},"items":[
			{"metadata":{"namespace":"seed-system","name":"seed","uid":"1","resourceVersion":"1"},"status":{"phase":"Running"}}]}`)
	case r.URL.Path == pods+"/seed/log":
		fmt.Fprintln(w, "claimed")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-n.goesOn:
			fmt.Fprintln(w, "followed")
		case <-r.Context().Done():
		}
	default:
		http.NotFound(w, r)
	}
}

// observed is a castle that writes to out, and this script in place of its seed.
func observed(t *testing.T, out io.Writer, script string) (*Castle, *newborn) {
	t.Helper()
	api := &newborn{goesOn: make(chan struct{})}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	c, err := New(Options{Root: "../../..", Dir: t.TempDir(), Out: out})
	if err != nil {
		t.Fatal(err)
	}
	seed := filepath.Join(c.Dir, "seed")
	if err := os.WriteFile(seed, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	c.programs = map[string]string{"seed": seed}
	access := clientcmdapi.NewConfig()
	access.Clusters["it"] = &clientcmdapi.Cluster{Server: server.URL}
	access.Contexts["it"] = &clientcmdapi.Context{Cluster: "it"}
	access.CurrentContext = "it"
	if err := clientcmd.WriteToFile(*access, node.Kubeconfig(c.NodeDir())); err != nil {
		t.Fatal(err)
	}
	return c, api
}

// waiting follows until the channel that it returns gets how the waiting ended; the other one gets what came of that.
func waiting(t *testing.T, c *Castle) (end, ended chan error) {
	t.Helper()
	end, ended = make(chan error), make(chan error)
	go func() {
		ended <- c.showing(t.Context(), func(ctx context.Context, _ *kubernetes.Clientset) error {
			select {
			case err := <-end:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return end, ended
}

const (
	draws  = `echo "drawn by $* with $KUBECONFIG" >&2`
	forced = draws + `; echo looking >&2; exec sleep 600`
)

// On a terminal seed's log tells until there is a tree, and then the view alone, which ends with the waiting. Why something has
// failed the log says again.
func TestView(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for name, test := range map[string]struct {
		script, seen string
		lastFrame    time.Duration
		end          error
		want         []string
	}{
		// It ends by itself, whenever this machine gets to it.
		"all stands":      {draws, "drawn", time.Hour, nil, []string{"seed | claimed", "Flux has the tree", "drawn", "after"}},
		"more than waits": {forced, "looking", lastFrame, nil, []string{"seed | claimed", "Flux has the tree", "drawn", "looking", "\x1b[0m\x1b[?25h", "after"}},
		"the Job fails":   {forced, "looking", time.Hour, ErrJobFailed, []string{"seed | claimed", "Flux has the tree", "drawn", "looking", "\x1b[0m\x1b[?25h", "seed | followed", "after"}},
	} {
		terminal := screentest.Open(t)
		c, api := observed(t, terminal.File, test.script)
		c.lastFrame, c.quiet = test.lastFrame, time.Hour
		end, ended := waiting(t, c)
		terminal.Until(t, "seed | claimed\n")
		api.planted.Store(true)
		terminal.Until(t, "drawn by follow --read-only --root flux-system/flux-system with "+node.Kubeconfig(c.NodeDir())+"\n")
		terminal.Until(t, test.seen)
		close(api.goesOn)
		end <- test.end
		if err := <-ended; !errors.Is(err, test.end) {
			t.Errorf("%s: %v", name, err)
		}
		fmt.Fprintln(c.screen, "after")
		inOrder(t, name, terminal.Until(t, "after\n"), test.want)
	}
}

// inOrder expects that each line of text begins with its word.
func inOrder(t *testing.T, name, text string, words []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if i >= len(words) || !strings.HasPrefix(line, words[i]) || len(lines) != len(words) {
			t.Fatalf("%s: the lines are\n%s, want %q", name, text, words)
		}
	}
}

// A view that fails ends nothing: the log goes on, and says why.
func TestViewFails(t *testing.T) {
	t.Setenv("TERM", "xterm")
	terminal := screentest.Open(t)
	c, api := observed(t, terminal.File, "echo broken >&2; exit 1")
	end, ended := waiting(t, c)
	terminal.Until(t, "seed | claimed\n")
	api.planted.Store(true)
	terminal.Until(t, "exit status 1\n")
	close(api.goesOn)
	text := terminal.Until(t, "seed | followed\n")
	end <- nil
	if err := <-ended; err != nil {
		t.Error(err)
	}
	inOrder(t, "broken", text, []string{"seed | claimed", "Flux has the tree", "broken", "there is no live view of the tree, so seed's log goes on: run seed: exit status 1", "seed | followed"})
}

// Without a terminal there is the log, and nothing else.
func TestNoView(t *testing.T) {
	t.Setenv("TERM", "xterm")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c, api := observed(t, write, "echo drawn >&2; touch $(dirname $0)/drawn")
	api.planted.Store(true)
	close(api.goesOn)
	end, ended := waiting(t, c)
	lines := bufio.NewScanner(read)
	for _, want := range []string{"seed | claimed", "seed | followed"} {
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("a line is %q, %v; want %s", lines.Text(), lines.Err(), want)
		}
	}
	end <- nil
	if err := errors.Join(<-ended, write.Close()); err != nil {
		t.Error(err)
	}
	if lines.Scan() {
		t.Errorf("one more line is %q", lines.Text())
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "drawn")); !os.IsNotExist(err) {
		t.Errorf("seed has run: %v", err)
	}
}
