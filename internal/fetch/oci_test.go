package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	fluxLayer = types.MediaType("application/vnd.cncf.flux.content.v1.tar+gzip")
	helmLayer = types.MediaType("application/vnd.cncf.helm.chart.content.v1.tar+gzip")
)

func hour() time.Time { return time.Now().Add(time.Hour) }

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

func pullSecret(host, user, password string) map[string]string {
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return map[string]string{".dockerconfigjson": fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, auth)}
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

func TestOCIConnections(t *testing.T) {
	t.Parallel()
	a := newArtifacts(t)
	a.push("v1.0.0", layer(t, fluxLayer, map[string]string{"f": "x"}))
	ca := newAuthority(t)
	guardedRegistry := guarded(a.handler, basic("puller", password))
	open, closed := ca.https(a.handler), ca.https(guardedRegistry)
	mutual := ca.serve(a.handler, "127.0.0.1", hour(), true)
	cert, key := ca.issue("seed", hour())
	p := newProxy("proxy-user", password)
	environment.lead("registry.test", ca.serve(a.handler, "registry.test", hour(), false))
	s := secrets{
		"certificates": {"ca.crt": ca.pem()},
		"client":       {"ca.crt": ca.pem(), "tls.crt": cert, "tls.key": key},
		"pull":         pullSecret(closed, "puller", password),
		"others":       pullSecret("ghcr.io", "puller", password),
		"proxy":        {"address": serve(t, p), "username": "proxy-user", "password": password},
		"wrong":        pullSecret(closed, "puller", password+"!"),
		"stranger":     {"ca.crt": newAuthority(t).pem()},
		"half":         {"tls.crt": cert},
		"broken":       {".dockerconfigjson": password},
		"opaque":       {"username": "puller", "password": password},
		"badproxy":     {"address": serve(t, newProxy("x", "y"))},
	}
	type change = func(*sourcev1.OCIRepositorySpec)
	for name, source := range map[string]*sourcev1.OCIRepository{
		"TLS":                      ociSource(open, trusting),
		"plain":                    ociSource(a.host, insecure),
		"TLS, anybody's":           ociSource(open, insecure),
		"password":                 ociSource(closed, trusting, pulling),
		"needless password":        ociSource(open, trusting, func(s *sourcev1.OCIRepositorySpec) { s.SecretRef = named("others") }),
		"client's own key":         ociSource(mutual, func(s *sourcev1.OCIRepositorySpec) { s.CertSecretRef = named("client") }),
		"proxy":                    ociSource(closed, trusting, pulling, tunneling),
		"proxy of the environment": ociSource("https://registry.test", trusting),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, files := get(t, source, s); !slices.Equal(files, []string{"f=x"}) {
				t.Errorf("files %q", files)
			}
			if name == "proxy" && !p.saw("CONNECT 127.0.0.1") || strings.HasSuffix(name, "environment") && !environment.saw("CONNECT registry.test") {
				t.Error("the proxy was not asked")
			}
		})
	}
	with := func(field func(*sourcev1.OCIRepositorySpec, string), name string) change {
		return func(s *sourcev1.OCIRepositorySpec) { field(s, name) }
	}
	pull := func(s *sourcev1.OCIRepositorySpec, name string) { s.SecretRef = named(name) }
	trust := func(s *sourcev1.OCIRepositorySpec, name string) { s.CertSecretRef = named(name) }
	tunnel := func(s *sourcev1.OCIRepositorySpec, name string) { s.ProxySecretRef = named(name) }
	for name, test := range map[string]struct {
		source  *sourcev1.OCIRepository
		blocked bool
		want    string
	}{
		"no password":         {ociSource(closed, trusting), true, "the registry refuses"},
		"wrong password":      {ociSource(closed, trusting, with(pull, "wrong")), true, "the registry refuses"},
		"another's password":  {ociSource(closed, trusting, with(pull, "others")), true, "the registry refuses"},
		"no pull secret":      {ociSource(closed, trusting, with(pull, "opaque")), true, "it has no key .dockerconfigjson"},
		"broken pull secret":  {ociSource(closed, trusting, with(pull, "broken")), true, "its key .dockerconfigjson is not of the form"},
		"no such Secret":      {ociSource(closed, trusting, with(pull, "nope")), false, "spec.secretRef: reading the Secret flux-system/nope: not found"},
		"unknown authority":   {ociSource(open), false, "put the CA's certificate into ca.crt"},
		"another authority":   {ociSource(open, with(trust, "stranger")), false, "put the CA's certificate into ca.crt"},
		"insecure, but a CA":  {ociSource(open, insecure, with(trust, "stranger")), false, "put the CA's certificate into ca.crt"},
		"half a key pair":     {ociSource(open, with(trust, "half")), true, "it must hold PEM"},
		"no client's own key": {ociSource(mutual, trusting), false, "it may want a client certificate"},
		"expired":             {ociSource(ca.serve(a.handler, "127.0.0.1", time.Now().Add(-time.Minute), false), trusting), false, "set the clock"},
		"other name":          {ociSource(ca.serve(a.handler, "x.test", hour(), false), trusting), false, "for another name"},
		"proxy refuses":       {ociSource(open, trusting, with(tunnel, "badproxy")), true, "the proxy refuses username and password"},
		"nobody listens":      {ociSource("127.0.0.1:1"), false, "nothing listens there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, test.source, s, test.blocked, test.want)
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
	many := map[string]string{}
	for i := range 50_001 {
		many[fmt.Sprintf("f%d", i)] = ""
	}
	a.push("many", layer(t, fluxLayer, many))
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
		"bytes":         {ociSource(a.host, insecure, tag("huge")), true, "it holds more than 64 MiB or 50000 entries"},
		"entries":       {ociSource(a.host, insecure, tag("many")), true, "it holds more than 64 MiB or 50000 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, test.source, nil, test.blocked, test.want)
		})
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
