package gitserver_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tazlab/seed/castle/internal/faults"
)

// The server can be made to fail from outside, and git notices each fault; what it runs for a request survives none.
func TestFaults(t *testing.T) {
	s := serve(t)
	broken := faults.New(s.Config.Handler)
	s.Server = httptest.NewUnstartedServer(broken)
	s.Config.ConnContext = faults.ConnContext
	s.StartTLS()
	t.Cleanup(s.Close)
	const refs, pack = "GET /fleet.git/info/refs", "POST /fleet.git/git-upload-pack"
	for name, test := range map[string]struct {
		match string
		fault faults.Fault
		want  string
	}{
		"forbidden":      {refs, faults.Fault{Status: http.StatusForbidden}, "error: 403"},
		"too many":       {refs, faults.Fault{Status: http.StatusTooManyRequests}, "error: 429"},
		"error":          {pack, faults.Fault{Status: http.StatusInternalServerError}, "HTTP 500"},
		"reset":          {refs, faults.Fault{Reset: true}, "reset by peer"},
		"truncated pack": {pack, faults.Fault{Cut: 100}, "fatal: "},
	} {
		broken.Fail(test.match, test.fault, 1)
		if output, err := s.client(t, token, "clone", s.url(), filepath.Join(t.TempDir(), "clone")); err == nil || !strings.Contains(output, test.want) {
			t.Errorf("%s: %v: %s, want %q", name, err, output, test.want)
		}
		if output, err := s.client(t, token, "clone", s.url(), filepath.Join(t.TempDir(), "clone")); err != nil {
			t.Errorf("after %s: %v: %s", name, err, output)
		}
	}
}
