package fetch_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/fetch"
)

func mirrors(t *testing.T, each ...string) fetch.Mirrors {
	t.Helper()
	var m fetch.Mirrors
	for _, one := range each {
		if err := m.Set(one); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestMirroredImage(t *testing.T) {
	t.Parallel()
	m := mirrors(t, "ghcr.io=registry.home:5000/ghcr/all", "docker.io=10.0.0.5:5000", "quay.io:8443=quay.home")
	digest := "@sha256:" + strings.Repeat("a", 64)
	for image, want := range map[string]string{
		"ghcr.io/tazlab/seed:v1":           "registry.home:5000/ghcr/all/tazlab/seed:v1",
		"ghcr.io/tazlab/seed":              "registry.home:5000/ghcr/all/tazlab/seed",
		"ghcr.io/tazlab/seed" + digest:     "registry.home:5000/ghcr/all/tazlab/seed" + digest,
		"ghcr.io/tazlab/seed:v1" + digest:  "registry.home:5000/ghcr/all/tazlab/seed:v1" + digest,
		"seed:v1":                          "10.0.0.5:5000/library/seed:v1",
		"docker.io/tazlab/seed:v1":         "10.0.0.5:5000/tazlab/seed:v1",
		"index.docker.io/tazlab/seed":      "10.0.0.5:5000/tazlab/seed",
		"quay.io:8443/tazlab/seed:v1":      "quay.home/tazlab/seed:v1",
		"quay.io/tazlab/seed:v1":           "quay.io/tazlab/seed:v1",
		"registry.home:5000/ghcr/x/seed:v": "registry.home:5000/ghcr/x/seed:v",
	} {
		if got, err := m.Image(image); err != nil || got != want {
			t.Errorf("%s is at %s (%v), want %s", image, got, err, want)
		}
	}
	if got, err := m.Image("ghcr.io/TAZLAB/seed"); err == nil {
		t.Errorf("what is no image is at %s", got)
	}
	again := mirrors(t, m.Each()...)
	if got := strings.Join(again.Each(), " "); got != "ghcr.io=registry.home:5000/ghcr/all index.docker.io=10.0.0.5:5000 quay.io:8443=quay.home" {
		t.Errorf("read back: %s", got)
	}
}

func TestMirrorErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ghcr.io":                    "write it as HOST=MIRROR",
		"=registry.home":             "write it as HOST=MIRROR",
		"ghcr.io=":                   "write it as HOST=MIRROR",
		"ghcr.io=https://mirror.lan": "without a scheme",
		"https://ghcr.io=mirror.lan": "the registry: ",
		"ghcr.io/tazlab=mirror.lan":  "the registry: ",
		"ghcr.io=mirror":             "a host with a dot or a port",
		"ghcr.io=mirror.lan/UPPER":   "a host with a dot or a port",
		"ghcr.io=mirror.lan/x:v1":    "a host with a dot or a port",
		"ghcr.io=user@mirror.lan":    "a host with a dot or a port",
		"quay.io=mirror.lan":         "quay.io has the mirror quay.home already",
		"index.docker.io=mirror.lan": "index.docker.io has the mirror docker.home already",
	} {
		m := mirrors(t, "quay.io=quay.home", "docker.io=docker.home")
		if err := m.Set(text); err == nil || !strings.Contains(err.Error(), want) || len(m.Each()) != 2 {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// What a mirror leads elsewhere is asked for there only, and the registry's own password stays at home.
func TestMirroredArtifact(t *testing.T) {
	t.Parallel()
	a := newArtifacts(t)
	content := layer(t, fluxLayer, map[string]string{"f": "x"})
	digest := a.push("v1.0.0", content)
	a.push("v1.1.0", content)
	var credentials atomic.Int32
	watched := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				credentials.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}
	ca := newAuthority(t)
	host := func(url string) string { return strings.TrimPrefix(url, "https://") }
	open, closed := host(ca.https(watched(a.handler))), host(ca.https(watched(guarded(a.handler, basic("puller", password)))))
	s := secrets{"certificates": {"ca.crt": ca.pem()}, "pull": pullSecret("registry.invalid", "puller", password), "both": pullSecret(closed, "puller", password)}
	both := func(s *sourcev1.OCIRepositorySpec) { s.SecretRef = named("both") }
	get := func(mirror string, change ...func(*sourcev1.OCIRepositorySpec)) (fetch.Result, []string, error) {
		dir := t.TempDir()
		result, err := fetch.Source(t.Context(), ociSource("registry.invalid", change...), s.read, mirrors(t, "registry.invalid="+mirror), dir)
		return result, contents(t, dir), err
	}

	result, files, err := get(open, trusting, pulling)
	if err != nil || result.Revision != "v1.0.0@"+digest || !slices.Equal(files, []string{"f=x"}) || !slices.Contains(result.Notes, "from the mirror "+open+"/manifests") {
		t.Errorf("%+v, files %q, %v", result, files, err)
	}
	if result, _, err := get(open, trusting, of(sourcev1.OCIRepositoryRef{SemVer: "1.x"})); err != nil || result.Revision != "v1.1.0@"+digest {
		t.Errorf("the newest version is %s, %v", result.Revision, err)
	}
	if _, _, err := get(closed, trusting, pulling); err == nil || !failure.IsBlocked(err) || !strings.Contains(err.Error(), "at its mirror "+closed+"/manifests: ") {
		t.Errorf("error %v, want one that is blocked and names the mirror", err)
	}
	if n := credentials.Load(); n != 0 {
		t.Errorf("the mirror saw the registry's credential %d times", n)
	}
	if _, files, err := get(closed, trusting, both); err != nil || !slices.Equal(files, []string{"f=x"}) {
		t.Errorf("with a credential of its own: files %q, %v", files, err)
	}
	// The registry's insecure says nothing about its mirror.
	if _, _, err := get(open, insecure); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("error %v, want one of the certificate", err)
	}
	if _, _, err := get(open+"/elsewhere", trusting); err == nil || !strings.Contains(err.Error(), "elsewhere/manifests") {
		t.Errorf("error %v, want that the artifact is not below the prefix", err)
	}
}
