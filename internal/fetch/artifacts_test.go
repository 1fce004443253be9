package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	fluxLayer = types.MediaType("application/vnd.cncf.flux.content.v1.tar+gzip")
	helmLayer = types.MediaType("application/vnd.cncf.helm.chart.content.v1.tar+gzip")
)

// layer packs files; a content "-> x" is a symlink.
func layer(t *testing.T, kind types.MediaType, files map[string]string) v1.Layer {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: file, Mode: 0o600, Size: int64(len(files[file]))}
		text := files[file]
		if target, link := strings.CutPrefix(text, "-> "); link {
			header.Typeflag, header.Linkname, header.Size, text = tar.TypeSymlink, target, 0, ""
		}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return static.NewLayer(packed.Bytes(), kind)
}

// artifacts is a registry's content, pushed before anybody asks for a password.
type artifacts struct {
	t       *testing.T
	handler http.Handler
	host    string
}

func newArtifacts(t *testing.T) *artifacts {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &artifacts{t, handler, strings.TrimPrefix(server.URL, "http://")}
}

func (a *artifacts) push(tag string, layers ...v1.Layer) (digest string) {
	a.t.Helper()
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		a.t.Fatal(err)
	}
	ref, err := name.NewTag(a.host + "/manifests:" + tag)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		a.t.Fatal(err)
	}
	hash, err := image.Digest()
	if err != nil {
		a.t.Fatal(err)
	}
	return hash.String()
}
