package faults_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/tazlab/seed/castle/internal/faults"
)

// echo is the healthy server: it answers with the request's body, in two writes.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "echo:")
	_, _ = io.Copy(w, r.Body)
})

// serve starts a server with faults over TLS, with HTTP/2 or without.
func serve(t *testing.T, http2 bool) (*faults.Handler, *httptest.Server) {
	t.Helper()
	h := faults.New(echo)
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2, server.Config.ConnContext = http2, faults.ConnContext
	server.StartTLS()
	t.Cleanup(server.Close)
	return h, server
}

// answer is what came of a request.
type answer struct {
	status         int
	location, body string
}

func post(ctx context.Context, server *httptest.Server, path string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+path, strings.NewReader("hello"))
	if err != nil {
		return answer{}, err
	}
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Get("Location"), string(body)}, err
}

// healthy fails the test unless the server answers as without faults.
func healthy(t *testing.T, server *httptest.Server) {
	t.Helper()
	got, err := post(t.Context(), server, "/a")
	if err != nil || got != (answer{http.StatusOK, "", "echo:hello"}) {
		t.Fatalf("a healthy server: %v %v", err, got)
	}
}

// both runs a test over HTTP/1.1 and HTTP/2: connections end differently there.
func both(t *testing.T, test func(*testing.T, *faults.Handler, *httptest.Server)) {
	t.Helper()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			h, server := serve(t, http2)
			healthy(t, server)
			test(t, h, server)
		})
	}
}

func TestAnswerInPlace(t *testing.T) {
	both(t, func(t *testing.T, h *faults.Handler, server *httptest.Server) {
		t.Helper()
		h.Fail("POST /a", faults.Fault{Status: http.StatusFound, Header: map[string]string{"Location": "/else"}, Body: "moved"}, 2)
		for range 2 {
			got, err := post(t.Context(), server, "/a")
			if err != nil || got != (answer{http.StatusFound, "/else", "moved"}) {
				t.Errorf("%v %v", err, got)
			}
		}
		healthy(t, server)
		if n := len(h.Calls("POST /a")); n != 4 {
			t.Errorf("%d calls counted, want 4", n)
		}
	})
}

func TestPatternsAndOrder(t *testing.T) {
	h, server := serve(t, false)
	h.Fail("POST /a/{x}", faults.Fault{Status: 401}, 1)
	h.Fail("/", faults.Fault{Status: 500}, 0)
	for i, want := range []int{401, 500, 500, 500} {
		got, err := post(t.Context(), server, "/a/b")
		if err != nil || got.status != want {
			t.Errorf("request %d: %v, want %d", i, err, want)
		}
	}
	h.Heal()
	healthy(t, server)
	for match, want := range map[string]int{"/": 5, "POST /": 5, "GET /": 0, "/a": 1, "/a/{x}": 4, "/{x}/b": 4} {
		if n := len(h.Calls(match)); n != want {
			t.Errorf("%s: %d calls counted, want %d", match, n, want)
		}
	}
}

func TestReset(t *testing.T) {
	both(t, func(t *testing.T, h *faults.Handler, server *httptest.Server) {
		t.Helper()
		h.Fail("/", faults.Fault{Reset: true}, 1)
		if _, err := post(t.Context(), server, "/a"); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v, want a reset connection", err)
		}
		healthy(t, server)
	})
}

func TestResetNeedsTheConnection(t *testing.T) {
	h := faults.New(echo)
	h.Fail("/", faults.Fault{Reset: true}, 0)
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if recorder.Code != http.StatusInternalServerError || !strings.Contains(recorder.Body.String(), "faults.ConnContext") {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

func TestCut(t *testing.T) {
	both(t, func(t *testing.T, h *faults.Handler, server *httptest.Server) {
		t.Helper()
		h.Fail("/", faults.Fault{Cut: 7}, 1)
		h.Fail("/", faults.Fault{Cut: 3, Status: 503, Body: "down"}, 1)
		h.Fail("/", faults.Fault{Cut: 10}, 1)
		for _, want := range []string{"echo:he", "dow"} {
			if got, err := post(t.Context(), server, "/a"); err == nil || got.body != want {
				t.Errorf("%v %q, want %q and an error", err, got.body, want)
			}
		}
		healthy(t, server) // its ten bytes are let through
	})
}

func TestHold(t *testing.T) {
	both(t, func(t *testing.T, h *faults.Handler, server *httptest.Server) {
		t.Helper()
		release := make(chan struct{})
		hit := h.Fail("/", faults.Fault{Hold: release}, 1)
		answered := make(chan string, 1)
		go func() {
			got, err := post(t.Context(), server, "/a")
			if err != nil {
				got.body = err.Error()
			}
			answered <- got.body
		}()
		<-hit
		select {
		case body := <-answered:
			t.Errorf("answered %q before its time", body)
		default:
		}
		close(release)
		if body := <-answered; body != "echo:hello" {
			t.Errorf("answered %q", body)
		}
	})
}

// A server that hangs lets go of a request when the client does: else server.Close would hang too.
func TestHang(t *testing.T) {
	both(t, func(t *testing.T, h *faults.Handler, server *httptest.Server) {
		t.Helper()
		hit := h.Fail("/", faults.Fault{Hold: faults.Never}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-hit; cancel() }()
		if _, err := post(ctx, server, "/a"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the client's own end", err)
		}
		healthy(t, server)
	})
}
