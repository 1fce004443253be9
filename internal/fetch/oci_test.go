package fetch_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/fetch"
)

func ociSource(url string, change ...func(*sourcev1.OCIRepositorySpec)) *sourcev1.OCIRepository {
	host := url[strings.LastIndex(url, "/")+1:]
	source := &sourcev1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "tree"},
		Spec: sourcev1.OCIRepositorySpec{
			URL: "oci://" + host + "/manifests", Provider: sourcev1.GenericOCIProvider, Reference: &sourcev1.OCIRepositoryRef{Tag: "v1.0.0"},
		},
	}
	for _, c := range change {
		c(&source.Spec)
	}
	return source
}

// The spec's references to Secrets, by their names in the tests.
func trusting(s *sourcev1.OCIRepositorySpec)  { s.CertSecretRef = named("certificates") }
func pulling(s *sourcev1.OCIRepositorySpec)   { s.SecretRef = named("pull") }
func tunneling(s *sourcev1.OCIRepositorySpec) { s.ProxySecretRef = named("proxy") }
func insecure(s *sourcev1.OCIRepositorySpec)  { s.Insecure = true }
func of(r sourcev1.OCIRepositoryRef) func(*sourcev1.OCIRepositorySpec) {
	return func(s *sourcev1.OCIRepositorySpec) { s.Reference = &r }
}

func TestOCIRefs(t *testing.T) {
	t.Parallel()
	a := newArtifacts(t)
	digest := map[string]string{}
	for _, tag := range []string{"v1.0.0", "v1.2.0", "v1.3.0-rc.1", "v1.4.0-arm", "latest", "not-a-version"} {
		digest[tag] = a.push(tag, layer(t, fluxLayer, map[string]string{"f": tag}))
	}
	digest["2.0.0_build.1"] = a.push("2.0.0_build.1", layer(t, helmLayer, map[string]string{"f": "2.0.0_build.1"}))
	for name, test := range map[string]struct {
		ref  *sourcev1.OCIRepositoryRef
		kind string
		want string
	}{
		"no ref":            {nil, "", "latest"},
		"tag":               {&sourcev1.OCIRepositoryRef{Tag: "v1.0.0"}, "", "v1.0.0"},
		"semver":            {&sourcev1.OCIRepositoryRef{SemVer: "1.x", Tag: "v1.0.0"}, "", "v1.2.0"},
		"semver and filter": {&sourcev1.OCIRepositoryRef{SemVer: "1.x-0", SemverFilter: ".*-arm$"}, "", "v1.4.0-arm"},
		"semver of a chart": {&sourcev1.OCIRepositoryRef{SemVer: "2.0.0"}, string(helmLayer), "2.0.0_build.1"},
		"digest":            {&sourcev1.OCIRepositoryRef{Digest: digest["v1.0.0"], SemVer: "1.x"}, "", "v1.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := ociSource(a.host, insecure)
			source.Spec.Reference = test.ref
			if test.kind != "" {
				source.Spec.LayerSelector = &sourcev1.OCILayerSelector{MediaType: test.kind}
			}
			result, files := get(t, source, nil)
			want := test.want + "@" + digest[test.want]
			if name == "digest" {
				want = digest[test.want]
			}
			if result.Revision != want || !slices.Equal(files, []string{"f=" + test.want}) {
				t.Errorf("revision %s, files %q, want %s", result.Revision, files, want)
			}
		})
	}
	for name, test := range map[string]struct {
		ref  sourcev1.OCIRepositoryRef
		want string
	}{
		"no such tag":    {sourcev1.OCIRepositoryRef{Tag: "nope"}, "MANIFEST_UNKNOWN"},
		"no such digest": {sourcev1.OCIRepositoryRef{Digest: "sha256:" + strings.Repeat("a", 64)}, "check spec.url and spec.ref"},
		"no digest":      {sourcev1.OCIRepositoryRef{Digest: "sha256:abc"}, "spec.ref.digest"},
		"none in range":  {sourcev1.OCIRepositoryRef{SemVer: ">9"}, `no tag of the 7 there is in spec.ref.semver ">9"`},
		"none by filter": {sourcev1.OCIRepositoryRef{SemVer: "1.x", SemverFilter: "nope"}, `(semverFilter "nope")`},
		"no range":       {sourcev1.OCIRepositoryRef{SemVer: "one"}, `spec.ref.semver "one"`},
		"no filter":      {sourcev1.OCIRepositoryRef{SemVer: "1.x", SemverFilter: "("}, "spec.ref.semverFilter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, ociSource(a.host, insecure, of(test.ref)), nil, true, test.want)
		})
	}
}

func TestOCILayers(t *testing.T) {
	t.Parallel()
	a := newArtifacts(t)
	a.push("v1.0.0",
		layer(t, fluxLayer, map[string]string{"a.yaml": "a", "a.jpg": "j", "link": "-> /etc/passwd", "d/.sourceignore": "b.yaml", "d/b.yaml": "b"}),
		layer(t, helmLayer, map[string]string{"a.yaml": "second"}))
	a.push("jpg", layer(t, fluxLayer, map[string]string{"a.yaml": "a", "a.jpg": "j"}))
	a.push("none")
	a.push("text", static.NewLayer([]byte("no gzip"), fluxLayer))
	a.push("traversal", layer(t, fluxLayer, map[string]string{"../out.yaml": "x"}))
	a.push("huge", layer(t, fluxLayer, map[string]string{"f": strings.Repeat("\x00", 65<<20)}))
	rule := "*.jpg"
	tag := func(tag string) func(*sourcev1.OCIRepositorySpec) {
		return of(sourcev1.OCIRepositoryRef{Tag: tag})
	}
	selects := func(kind, operation string) func(*sourcev1.OCIRepositorySpec) {
		return func(s *sourcev1.OCIRepositorySpec) {
			s.LayerSelector = &sourcev1.OCILayerSelector{MediaType: kind, Operation: operation}
		}
	}
	for name, test := range map[string]struct {
		source *sourcev1.OCIRepository
		want   []string
	}{
		"first layer":   {ociSource(a.host, insecure), []string{"a.jpg=j", "a.yaml=a", "d/.sourceignore=b.yaml"}},
		"default rules": {ociSource(a.host, insecure, tag("jpg")), []string{"a.yaml=a"}},
		"media type":    {ociSource(a.host, insecure, selects(string(helmLayer), "extract")), []string{"a.yaml=second"}},
		"copy": {ociSource(a.host, insecure, selects("", "copy"), func(s *sourcev1.OCIRepositorySpec) { s.Ignore = &rule }),
			[]string{"a.jpg=j", "a.yaml=a", "d/.sourceignore=b.yaml", "d/b.yaml=b"}},
		"spec.ignore": {ociSource(a.host, insecure, func(s *sourcev1.OCIRepositorySpec) { s.Ignore = &rule }), []string{"a.yaml=a", "d/.sourceignore=b.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, test.source, nil); !slices.Equal(files, test.want) {
				t.Errorf("files %q, want %q", files, test.want)
			}
		})
	}
	for name, test := range map[string]struct {
		source  *sourcev1.OCIRepository
		blocked bool
		want    string
	}{
		"no such layer": {ociSource(a.host, insecure, selects("application/x", "")), true, "correct spec.layerSelector.mediaType"},
		"no layer":      {ociSource(a.host, insecure, tag("none")), true, "the artifact has no layer"},
		"no archive":    {ociSource(a.host, insecure, tag("text")), true, "it is not compressed with gzip"},
		"traversal":     {ociSource(a.host, insecure, tag("traversal")), false, `tar contained invalid name error "../out.yaml"`},
		"bytes":         {ociSource(a.host, insecure, tag("huge")), true, "it holds more than 64 MiB or 20000 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, test.source, nil, test.blocked, test.want)
		})
	}
}

// The limit ends the unpacking, and is not only told afterwards.
func TestOCIStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	a := newArtifacts(t)
	many := map[string]string{}
	for i := range 20_010 {
		many[fmt.Sprintf("f%d", i)] = ""
	}
	a.push("v1.0.0", layer(t, fluxLayer, many))
	dir := t.TempDir()
	if _, err := fetch.Source(t.Context(), ociSource(a.host, insecure), nil, nil, dir); err == nil || !strings.Contains(err.Error(), "20000 entries") {
		t.Errorf("error %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 20_000 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// A digest pins the bytes: who changes a layer behind it is found out, also after the archive's end.
func TestOCIPinnedBytes(t *testing.T) {
	t.Parallel()
	a := newArtifacts(t)
	honest := layer(t, fluxLayer, map[string]string{"f": "honest"})
	digest := a.push("v1.0.0", honest)
	hash, err := honest.Digest()
	if err != nil {
		t.Fatal(err)
	}
	source := ociSource(a.host, insecure, of(sourcev1.OCIRepositoryRef{Digest: digest}))
	if result, _ := get(t, source, nil); len(result.Notes) > 0 {
		t.Errorf("notes without spec.verify: %q", result.Notes)
	}
	source.Spec.Verify = &sourcev1.OCIRepositoryVerification{Provider: "cosign"}
	if result, _ := get(t, source, nil); !slices.Equal(result.Notes, []string{"signature: left to source-controller"}) {
		t.Errorf("notes %q", result.Notes)
	}
	for name, tampered := range map[string]v1.Layer{
		"another layer": layer(t, fluxLayer, map[string]string{"f": "forged"}),
		"more behind":   layer(t, fluxLayer, map[string]string{"f": "honest", "g": "forged"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			evil := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/blobs/"+hash.String()) {
					a.handler.ServeHTTP(w, r)
					return
				}
				blob, err := tampered.Compressed()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(w, blob)
			}))
			fails(t, ociSource(evil, insecure, of(sourcev1.OCIRepositoryRef{Digest: digest})), nil, false, "error verifying")
		})
	}
}
