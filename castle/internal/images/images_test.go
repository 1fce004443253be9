package images_test

import (
	"archive/tar"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/registry"
)

func binary(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(file, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// pull pushes the image as the castle does and gets it back as a mirror's client does.
func pull(t *testing.T, imageName, path string, image v1.Image) v1.Image {
	t.Helper()
	handler, err := registry.New(t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	host, transport := server.Listener.Addr().String(), server.Client().Transport
	if err := images.Push(t.Context(), imageName, image, host, transport); err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(host + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(ref, remote.WithContext(t.Context()), remote.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Fatal(err)
	}
	return pulled
}

// entries returns what the image's file system holds: content of files, "-> target" of links, "" of folders.
func entries(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	flat := mutate.Extract(image)
	defer flat.Close()
	found := map[string]string{}
	for r := tar.NewReader(flat); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch header.Typeflag {
		case tar.TypeSymlink:
			content = []byte("-> " + header.Linkname)
		case tar.TypeReg:
			if header.FileInfo().Mode() != 0o755 {
				t.Errorf("%s has mode %v", header.Name, header.FileInfo().Mode())
			}
		}
		found[header.Name] = string(content)
	}
}

func TestImagesArePulledUnderTheirNames(t *testing.T) {
	cases := []struct {
		spec images.Spec
		path string // in the registry
		file string // in the image
		user string
	}{
		{images.Pause, "pause:3.10", "pause", "65535:65535"},
		{images.CoreDNS("v1.14.7"), "coredns/coredns:v1.14.7", "coredns", "65532:65532"},
		{images.SourceController, "fluxcd/source-controller:v1.9.5", "usr/local/bin/source-controller", "65534:65534"},
		{images.KustomizeController, "fluxcd/kustomize-controller:v1.9.5", "usr/local/bin/kustomize-controller", "65534:65534"},
		{images.HelmController, "fluxcd/helm-controller:v1.6.2", "usr/local/bin/helm-controller", "65534:65534"},
		{images.NotificationController, "fluxcd/notification-controller:v1.9.3", "usr/local/bin/notification-controller", "65534:65534"},
		{images.ExternalSecrets, "external-secrets/external-secrets:v0.20.4", "bin/external-secrets", "65534"},
		{images.Busybox, "library/busybox:1.35.0", "bin/busybox", ""},
		{images.Seed("v0.1.0"), "tazlab/seed:v0.1.0", "seed", "65532:65532"},
		{images.Waitfor("v0.1.0"), "tazlab/waitfor:v0.1.0", "waitfor", "65532:65532"},
	}
	for _, c := range cases {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			image, err := images.Binary(c.spec, binary(t, "program"), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			pulled := pull(t, c.spec.Name, c.path, image)
			config, err := pulled.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if config.Config.User != c.user || !reflect.DeepEqual(config.Config.Entrypoint, c.spec.Entrypoint) {
				t.Errorf("user %q, entrypoint %q", config.Config.User, config.Config.Entrypoint)
			}
			if got := entries(t, pulled)[c.file]; got != "program" {
				t.Errorf("/%s holds %q", c.file, got)
			}
		})
	}
}

func TestBusyboxHasItsApplets(t *testing.T) {
	image, err := images.Binary(images.Busybox, binary(t, "busybox"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	found := entries(t, image)
	for _, applet := range []string{"bin/sh", "bin/httpd"} {
		if found[applet] != "-> /bin/busybox" {
			t.Errorf("%s: %q", applet, found[applet])
		}
	}
}

func TestDigestDependsOnContentOnly(t *testing.T) {
	digest := func(spec images.Spec, content string) v1.Hash {
		image, err := images.Binary(spec, binary(t, content), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		d, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one := digest(images.Seed("v1"), "program")
	if again := digest(images.Seed("v2"), "program"); again != one {
		t.Error("the same binary gives another digest")
	}
	if other := digest(images.Seed("v1"), "Program"); other == one {
		t.Error("another binary gives the same digest")
	}
	if other := digest(images.Pause, "program"); other == one {
		t.Error("another place in the image gives the same digest")
	}
}

func TestSecondStartReadsTheCache(t *testing.T) {
	cache, file := t.TempDir(), binary(t, "program")
	first, err := images.Binary(images.Pause, file, cache)
	if err != nil {
		t.Fatal(err)
	}
	kept := list(t, cache)
	if len(kept) != 1 {
		t.Fatalf("the cache holds %v, want one layout", kept)
	}
	// Were the second image made anew, a broken layout would go unnoticed.
	index := filepath.Join(cache, kept[0], "index.json")
	content, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(index, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := images.Binary(images.Pause, file, cache); err == nil {
		t.Error("the cache was not read")
	}
	if err := os.WriteFile(index, content, 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := images.Binary(images.Pause, file, cache)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(second); err != nil {
		t.Error(err)
	}
	a, errA := first.Digest()
	b, errB := second.Digest()
	if errA != nil || errB != nil || a != b {
		t.Errorf("digests %v and %v (%v, %v)", a, b, errA, errB)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(found))
	for i, entry := range found {
		names[i] = entry.Name()
	}
	return names
}

func TestMissingBinaryNamesImageAndFile(t *testing.T) {
	_, err := images.Binary(images.Pause, "/does/not/exist", t.TempDir())
	if err == nil || !strings.Contains(err.Error(), images.Pause.Name) || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("error %v", err)
	}
}
