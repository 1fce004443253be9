package artifacts_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/artifacts"
	"github.com/tazlab/seed/castle/internal/registry"
)

func TestESOChartHasNeitherDependencyNorCRDs(t *testing.T) {
	artifact, err := artifacts.ESOChart(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	packed := unpack(t, filepath.Join(artifact.Dir, "chart.tgz"))
	for _, name := range []string{"Chart.yaml", "values.yaml", "values.schema.json", "templates/deployment.yaml", "templates/_helpers.tpl", "templates/NOTES.txt"} {
		if packed["external-secrets/"+name] == "" {
			t.Errorf("the chart has no %s", name)
		}
	}
	for name := range packed {
		if strings.Contains(name, "/crds/") || strings.Contains(name, "/tests/") || strings.HasSuffix(name, "Chart.lock") {
			t.Errorf("the chart has %s", name)
		}
	}
	var about struct {
		Name, Version, AppVersion string
		Dependencies              []any
	}
	if err := yaml.Unmarshal([]byte(packed["external-secrets/Chart.yaml"]), &about); err != nil {
		t.Fatal(err)
	}
	if about.Name != "external-secrets" || about.Version != "0.20.3" || about.AppVersion != "v0.20.3" || about.Dependencies != nil {
		t.Errorf("Chart.yaml: %+v", about)
	}
}

func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(content)
	}
}

func TestPushedChartIsOneForHelm(t *testing.T) {
	handler, err := registry.New(t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	artifact := artifacts.Artifact{Dir: t.TempDir(), Chart: true}
	if err := os.WriteFile(filepath.Join(artifact.Dir, "chart.tgz"), []byte("a packed chart"), 0o600); err != nil {
		t.Fatal(err)
	}
	ref := server.Listener.Addr().String() + "/charts/test:0.1.0"
	transport := server.Client().Transport
	digest, err := artifacts.Push(t.Context(), artifact, "oci://"+ref, transport)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(tag, remote.WithContext(t.Context()), remote.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	// https://github.com/helm/community/blob/main/hips/hip-0006.md
	if manifest.Config.MediaType != "application/vnd.cncf.helm.config.v1+json" || len(manifest.Layers) != 1 ||
		manifest.Layers[0].MediaType != "application/vnd.cncf.helm.chart.content.v1.tar+gzip" {
		t.Errorf("%+v", manifest)
	}
	layer, err := image.LayerByDigest(manifest.Layers[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	content, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	got, err := io.ReadAll(content)
	if err != nil || string(got) != "a packed chart" {
		t.Errorf("%q, %v", got, err)
	}
	if is, err := image.Digest(); err != nil || is.String() != digest {
		t.Errorf("pushed %s, there is %s, %v", digest, is, err)
	}
}
