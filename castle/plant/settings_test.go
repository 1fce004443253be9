//go:build apiserver

package plant_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/castle/internal/artifacts"
	"github.com/tazlab/seed/castle/internal/registry"
)

// apps is a planted unit whose files are in a registry; no Secret says whose certificates count there.
const apps = `---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: apps, namespace: NAME}
spec: {interval: 10m, url: "oci://REGISTRY", ref: {tag: v1}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: NAME, annotations: {seed.tazlab.net/plant: "true"}}
spec: {interval: 10m, path: ./, prune: false, sourceRef: {kind: OCIRepository, name: apps}}
`

// settle takes over what the Job says to seed. It is run without its set, for all tests share seed's namespace and would
// take their objects for those of older sets; so what is carried has no suffix.
func (w *world) settle(job *batchv1.Job) {
	container := job.Spec.Template.Spec.Containers[0]
	w.arguments = slices.DeleteFunc(container.Args, func(argument string) bool { return argument == "run" || strings.HasPrefix(argument, "--set=") })
	for _, variable := range container.Env {
		if strings.HasSuffix(variable.Name, "_PROXY") { // the API server of these tests is where the kubeconfig says
			w.variables = append(w.variables, variable.Name+"="+strings.ReplaceAll(variable.Value, "$(KUBERNETES_SERVICE_HOST)", "127.0.0.1"))
		}
	}
}

// withApps is the tree of this world with the planted unit, and without the authority in the Git Secret: nothing but seed's
// own setting says whose certificates count.
func (w *world) withApps(t *testing.T, registry string, replace ...string) string {
	t.Helper()
	dir := w.tree(t)
	crd := definition(t, "ocirepositories.source.toolkit.fluxcd.io")
	for file, more := range map[string]string{"clusters/home/flux.yaml": "\n---\n" + crd, "clusters/home/sync.yaml": apps, "credentials/claims.yaml": ""} {
		path := filepath.Join(dir, file)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		words := append([]string{`, ca.crt: "{{ .CA }}"`, "", "    - {secretKey: CA, remoteRef: {key: CA}}\n", "", "oci://REGISTRY", "oci://" + registry}, replace...)
		text := strings.NewReplacer(words...).Replace(string(content)) + strings.NewReplacer("NAME", w.name, "REGISTRY", registry).Replace(more)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// definition is one of Flux's.
func definition(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(os.Getenv("FLUX_MANIFESTS"), "gotk-components.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		if strings.Contains(document, "\nkind: CustomResourceDefinition\n") && strings.Contains(document, "\n  name: "+name+"\n") {
			return document
		}
	}
	t.Fatalf("Flux has no %s", name)
	return ""
}

// openRegistry starts a registry that holds the unit's ConfigMap under repository:v1.
func (w *world) openRegistry(t *testing.T, repository string) *door {
	t.Helper()
	handler, err := registry.New(t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, handler, "http/1.1")
	dir := t.TempDir()
	content := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: apps, namespace: " + w.name + "}\n"
	if err := os.WriteFile(filepath.Join(dir, "apps.yaml"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := artifacts.Push(t.Context(), artifacts.Artifact{Dir: dir}, "oci://"+d.server.Listener.Addr().String()+"/"+repository+":v1", trusting()); err != nil {
		t.Fatal(err)
	}
	return d
}

// wantApps runs seed until the root sync is there, with what the unit holds.
func (w *world) wantApps(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s := w.start(t)
	if err := s.says(ctx, `msg="apply the root sync" state=done`); err != nil {
		t.Fatal(err)
	}
	w.wantPlanted(t, true)
	if _, err := core.CoreV1().ConfigMaps(w.name).Get(ctx, "apps", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	if err := s.end(ctx); err != nil {
		t.Error(err)
	}
	if s.tries() > 0 {
		t.Errorf("%d failed tries:\n%s", s.tries(), s.stderr.String())
	}
}

// One file says for vault, Git server and registry whose certificates count.
func TestOneCAFileForAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.openRegistry(t, "tazlab/apps")
	w.prepareTree(t, w.withApps(t, d.server.Listener.Addr().String()+"/tazlab/apps"))
	w.wantApps(t)
}

// It vouches for those it names and for nobody else.
func TestCAFileIsNoBlankCheque(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := newWorld(t)
	d := w.openRegistry(t, "tazlab/apps")
	d.present(t, stranger, good)
	w.prepareTree(t, w.withApps(t, d.server.Listener.Addr().String()+"/tazlab/apps"))
	s := w.start(t)
	event, err := w.event(ctx, "Blocked", "Retrying", "InvalidBundle")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.stderr.String())
	}
	for _, want := range []string{"fetching OCIRepository", "signed by unknown authority", "--ca-file"} {
		if !strings.Contains(event.Message, want) {
			t.Errorf("the Event does not say %q: %s", want, event.Message)
		}
	}
	if err := s.end(ctx); err != nil {
		t.Error(err)
	}
}

// All that seed asks goes through the proxy, but what needs none, and OCI artifacts come from the mirror only.
func TestProxyAndMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.openRegistry(t, "ghcr/tazlab/apps")
	p := &proxy{to: map[string]*door{"vault.test:443": w.vault, "git.test:443": w.git, "mirror.test:443": d}}
	for host, server := range p.to {
		named := good
		named.DNSNames = []string{strings.TrimSuffix(host, ":443")}
		server.present(t, ca, named)
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	tree := w.withApps(t, "ghcr.io/tazlab/apps", w.vault.server.URL, "https://vault.test", w.git.server.URL, "https://git.test")
	w.prepareTree(t, tree, "--proxy", server.URL, "--no-proxy", "10.0.0.0/8,.lan", "--registry-mirror", "ghcr.io=mirror.test/ghcr")
	w.wantApps(t)
	for host := range p.to {
		if !slices.Contains(p.seen(), host) {
			t.Errorf("the proxy saw %q, not %s", p.seen(), host)
		}
	}
	if slices.Contains(p.seen(), "ghcr.io:443") {
		t.Error("the registry was asked beside its mirror")
	}
}

// What needs no proxy is asked without it.
func TestNoProxy(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := newWorld(t)
	p := &proxy{}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	tree := w.withApps(t, "ghcr.io/tazlab/apps", w.vault.server.URL, "https://vault.invalid")
	w.prepareTree(t, tree, "--proxy", server.URL, "--no-proxy", "10.0.0.0/8,.invalid")
	s := w.start(t)
	event, err := w.event(ctx, "Blocked", "Retrying", "InvalidBundle")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.stderr.String())
	}
	if !strings.Contains(event.Message, "DNS: ") || !strings.Contains(event.Message, "vault.invalid") || len(p.seen()) > 0 {
		t.Errorf("the proxy saw %q, the Event says %s", p.seen(), event.Message)
	}
	if err := s.end(ctx); err != nil {
		t.Error(err)
	}
}

// proxy leads connections to servers that nothing else leads to.
type proxy struct {
	to map[string]*door

	mu    sync.Mutex
	asked []string
}

func (p *proxy) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.mu.Unlock()
	if r.Method != http.MethodConnect || p.to[r.Host] == nil {
		http.Error(w, "no way there", http.StatusBadGateway)
		return
	}
	server, err := net.Dial("tcp", p.to[r.Host].server.Listener.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	go func() {
		_, _ = io.Copy(server, buffered)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}
