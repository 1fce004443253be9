package registry_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/tazlab/seed/castle/internal/registry"
)

// lines is an access log that may be written by many requests at once.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.buf.String()), "\n")
}

func serve(t *testing.T, dir string) (*httptest.Server, *lines) {
	t.Helper()
	log := &lines{}
	h, err := registry.New(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	return server, log
}

func TestPushedImageIsPulledWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	server, _ := serve(t, dir)
	image, err := random.Image(1024, 2)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(strings.TrimPrefix(server.URL, "https://") + "/fluxcd/source-controller:v1")
	if err != nil {
		t.Fatal(err)
	}
	options := []remote.Option{
		remote.WithContext(t.Context()), remote.WithTransport(server.Client().Transport), remote.WithAuth(authn.Anonymous),
	}
	if err := remote.Write(ref, image, options...); err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(ref, options...)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Fatal(err)
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	if len(blobs) != 3 {
		t.Errorf("%d blobs on disk, want 3: two layers and a config", len(blobs))
	}

	// A new registry on the same folder, as after a restart: the blobs are there, the manifest comes back with a push.
	again, log := serve(t, dir)
	ref, err = name.NewTag(strings.TrimPrefix(again.URL, "https://") + "/fluxcd/source-controller:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, append(options, remote.WithTransport(again.Client().Transport))...); err != nil {
		t.Fatal(err)
	}
	again.Close()
	for _, line := range log.all() {
		if strings.Contains(line, `"PATCH `) {
			t.Errorf("a blob that was on disk was sent again: %s", line)
		}
	}
}

func TestMirrorRequestIsAnsweredAndLogged(t *testing.T) {
	server, log := serve(t, t.TempDir())
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(strings.TrimPrefix(server.URL, "https://") + "/fluxcd/source-controller:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, remote.WithContext(t.Context()), remote.WithTransport(server.Client().Transport)); err != nil {
		t.Fatal(err)
	}

	const path = "/v2/fluxcd/source-controller/manifests/v1?ns=ghcr.io"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("User-Agent", "containerd/test")
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := image.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
		t.Errorf("GET %s: %s, %d bytes; want the pushed manifest", path, response.Status, len(got))
	}

	server.Close() // waits for the handlers, and so for their log lines
	last := log.all()[len(log.all())-1]
	for _, part := range []string{"127.0.0.1 ", `"GET ` + path + ` HTTP/`, " 200 ", `"containerd/test"`} {
		if !strings.Contains(last, part) {
			t.Errorf("access log line %q lacks %q", last, part)
		}
	}
}

func TestUnusableFolderIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.New(file, io.Discard); err == nil {
		t.Error("a file in place of the blob folder is not an error")
	}
}
