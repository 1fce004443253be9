package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/fetch"
)

func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// The rules of this repository's own .sourceignore: exclude all, include folders again.
func TestLocalHonoursSourceignore(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		".sourceignore":                "/*\n!/clusters/\n",
		"clusters/home/a.yaml":         "a",
		"clusters/home/picture.png":    "excluded by default, but included again with its folder",
		"clusters/.sourceignore":       "*.md\n",
		"clusters/README.md":           "excluded by a deeper file",
		"internal/secret/secret.go":    "not of the tree",
		".git/config":                  "never",
		"clusters/home/deep/er/b.yaml": "b",
	} {
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(from, "clusters/home/link.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := fetch.Local(from, to); err != nil {
		t.Fatal(err)
	}
	want := []string{"clusters/.sourceignore", "clusters/home/a.yaml", "clusters/home/deep/er/b.yaml", "clusters/home/picture.png"}
	if got := files(t, to); !slices.Equal(got, want) {
		t.Errorf("copied %q, want %q", got, want)
	}
}

// push puts an artifact with these files into a registry and returns its repository URL and CA.
func push(t *testing.T, content map[string]string) (url string, ca []byte) {
	t.Helper()
	server := httptest.NewTLSServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	var layer bytes.Buffer
	zip := gzip.NewWriter(&layer)
	archive := tar.NewWriter(zip)
	for file, text := range content {
		if err := archive.WriteHeader(&tar.Header{Name: file, Mode: 0o600, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.WriteHeader(&tar.Header{Name: "link.yaml", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, static.NewLayer(layer.Bytes(), types.MediaType("application/vnd.cncf.flux.content.v1.tar+gzip")))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(server.URL, "https://")
	ref, err := name.NewTag(host + "/manifests:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, remote.WithTransport(server.Client().Transport)); err != nil {
		t.Fatal(err)
	}
	return "oci://" + host + "/manifests", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func repository(url string) *sourcev1.OCIRepository {
	return &sourcev1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "manifests"},
		Spec: sourcev1.OCIRepositorySpec{
			URL:           url,
			Reference:     &sourcev1.OCIRepositoryRef{Tag: "v1"},
			CertSecretRef: &meta.LocalObjectReference{Name: "registry-ca"},
		},
	}
}

func TestOCI(t *testing.T) {
	t.Parallel()
	url, ca := push(t, map[string]string{"a.yaml": "a", "notes.jpg": "excluded by default"})
	dir := t.TempDir()
	revision, err := fetch.OCI(t.Context(), repository(url), map[string][]byte{"ca.crt": ca}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(revision, "v1@sha256:") {
		t.Errorf("revision %q, want v1@sha256:…", revision)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"a.yaml"}) {
		t.Errorf("files %q, want a.yaml alone: no symlink, no excluded file", got)
	}
	byDigest := repository(url)
	byDigest.Spec.Reference = &sourcev1.OCIRepositoryRef{Digest: strings.TrimPrefix(revision, "v1@")}
	if again, err := fetch.OCI(t.Context(), byDigest, map[string][]byte{"ca.crt": ca}, t.TempDir()); err != nil || again != strings.TrimPrefix(revision, "v1@") {
		t.Errorf("by digest: %q, %v", again, err)
	}
}

func TestOCIErrors(t *testing.T) {
	t.Parallel()
	url, ca := push(t, map[string]string{"a.yaml": "a"})
	for name, test := range map[string]struct {
		change  func(*sourcev1.OCIRepository)
		ca      []byte
		want    string
		blocked bool
	}{
		"no such tag":     {func(r *sourcev1.OCIRepository) { r.Spec.Reference.Tag = "v2" }, ca, "MANIFEST_UNKNOWN", true},
		"unknown CA":      {func(r *sourcev1.OCIRepository) { r.Spec.CertSecretRef = nil }, nil, "x509: certificate signed by unknown authority", false},
		"no CA in Secret": {func(*sourcev1.OCIRepository) {}, nil, "the Secret registry-ca: no PEM certificate in its key ca.crt", true},
		"signature":       {func(r *sourcev1.OCIRepository) { r.Spec.Verify = &sourcev1.OCIRepositoryVerification{} }, ca, "spec.verify is not supported", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := repository(url)
			test.change(r)
			_, err := fetch.OCI(t.Context(), r, map[string][]byte{"ca.crt": test.ca}, t.TempDir())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "OCIRepository flux-system/manifests") {
				t.Errorf("OCI: %v, want the object and %q", err, test.want)
			}
			if failure.IsBlocked(err) != test.blocked {
				t.Errorf("blocked %v, want %v: %v", failure.IsBlocked(err), test.blocked, err)
			}
		})
	}
}
