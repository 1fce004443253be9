//go:build apiserver

package plant_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/gitserver"
	"github.com/tazlab/seed/castle/internal/vaultstandin"
)

const seedSystem = "seed-system"

// The routes of the vault and of the Git server that seed uses.
const (
	login   = "POST /api/v1/auth/{method}/login"
	read    = "GET /api/v3/secrets/raw/{key}"
	revoke  = "POST /api/v1/auth/token/revoke"
	refs    = "GET /{repository}/info/refs"
	pack    = "POST /{repository}/git-upload-pack"
	anyCall = "/"
)

// world is a vault, a Git server with a tree, and a namespace for that tree in the API server that all tests share.
type world struct {
	name                    string // of the namespace, the identity Secret and seed's Pod
	standin                 *vaultstandin.Server
	vault, git              *door
	gitTimeout              string // spec.timeout of the GitRepository
	clientSecret, gitToken  string
	configDir, repositories string
	auth                    string   // the store's auth block
	identityLines           string   // what the identity file holds; "" is no file
	annotations, moreClaims string   // of the store, and beside it; see byJWT
	tokenDir                string   // of seed's own tokens
	ownToken                string   // the last of them
	arguments, variables    []string // of the Job; see settle
}

// newWorld starts the servers. Nothing is broken yet.
func newWorld(t *testing.T) *world {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-"))
	w := &world{
		name: name, gitTimeout: "20s", clientSecret: rand.Text(), gitToken: rand.Text(),
		configDir: t.TempDir(), repositories: t.TempDir(), tokenDir: t.TempDir(), auth: universalAuth,
	}
	w.identityLines = fmt.Sprintf("clientId=%s\nclientSecret=%s\n", w.identity().ClientID, w.clientSecret)
	var err error
	w.standin, err = vaultstandin.New(vaultstandin.Options{
		Project: "homelab", Environment: "prod", Identities: []vaultstandin.Identity{w.identity()},
		TokenReview: reviewed, Secrets: map[string]map[string]string{"/git": {"TOKEN": w.gitToken, "CA": string(ca.Cert)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.vault = open(t, w.standin, "h2", "http/1.1")
	w.git = open(t, w.gitServer(t, w.gitToken), "http/1.1")
	return w
}

// identity is the machine identity as the vault knows it.
func (w *world) identity() vaultstandin.Identity {
	return vaultstandin.Identity{Name: "seed", ClientID: "client-of-" + w.name, ClientSecret: w.clientSecret}
}

// setIdentity changes what the vault knows of the machine identity.
func (w *world) setIdentity(t *testing.T, change func(*vaultstandin.Identity)) {
	t.Helper()
	id := w.identity()
	change(&id)
	if err := w.standin.SetIdentity(id); err != nil {
		t.Fatal(err)
	}
}

func (w *world) gitServer(t *testing.T, token string) http.Handler {
	t.Helper()
	server, err := gitserver.New(t.Context(), gitserver.Options{Root: w.repositories, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// prepare pushes the tree, renders the inline manifest with seed and brings the parts of it into the cluster that Talos
// and the kubelet would: the Namespace, the identity Secret, the ConfigMap's files and seed's own tokens.
func (w *world) prepare(t *testing.T) {
	t.Helper()
	w.prepareTree(t, w.tree(t))
}

// prepareTree does it with another tree, and with more flags for seed.
func (w *world) prepareTree(t *testing.T, tree string, flags ...string) {
	t.Helper()
	if _, err := gitserver.PushTree(t.Context(), tree, filepath.Join(w.repositories, "fleet.git"), "main", "first"); err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(w.render(t, tree, flags...), "\n---\n") {
		w.apply(t, []byte(document))
	}
}

func (w *world) render(t *testing.T, tree string, flags ...string) string {
	t.Helper()
	vaultCA := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(vaultCA, ca.Cert, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Getenv("SEED"), "render", "manifests", "--tree", tree, "--cluster", "clusters/home",
		"--ca-file", vaultCA, "--image", "example.com/seed")
	if w.identityLines != "" {
		command.Args = append(command.Args, "--identity-file", "-")
	}
	command.Args = append(command.Args, flags...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Stdin = strings.NewReader(w.identityLines)
	if err := command.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("seed render manifests: %v\n%s", err, &stderr)
	}
	return stdout.String()
}

// apply creates one object of the inline manifest, or writes the ConfigMap's files. What a kubelet and its controllers
// need is left out: there are none.
func (w *world) apply(t *testing.T, document []byte) {
	t.Helper()
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(document, &meta); err != nil {
		t.Fatal(err)
	}
	switch meta.Kind {
	case "Namespace":
		_, err := core.CoreV1().Namespaces().Create(t.Context(), decode[corev1.Namespace](t, document), metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) { // the tests share it
			t.Fatal(err)
		}
	case "ServiceAccount":
		_, err := core.CoreV1().ServiceAccounts(seedSystem).Create(t.Context(), decode[corev1.ServiceAccount](t, document), metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) { // this one, too
			t.Fatal(err)
		}
	case "Secret":
		secret := decode[corev1.Secret](t, document)
		secret.Name = strings.TrimSuffix(secret.Name, "-"+secret.Labels["seed.tazlab.net/set"]) // see settle
		if _, err := core.CoreV1().Secrets(seedSystem).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	case "Job":
		job := decode[batchv1.Job](t, document)
		w.mountTokens(t, job)
		w.settle(job)
	case "ConfigMap":
		for file, content := range decode[corev1.ConfigMap](t, document).Data {
			if err := os.WriteFile(filepath.Join(w.configDir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func decode[T any](t *testing.T, document []byte) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		t.Fatal(err)
	}
	return object
}

// event waits for an Event of seed's Pod in this world whose reason is one of those given.
func (w *world) event(ctx context.Context, reasons ...string) (*corev1.Event, error) {
	// Without a version the watch begins with what is there already.
	watch, err := core.CoreV1().Events(seedSystem).Watch(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + w.name})
	if err != nil {
		return nil, err
	}
	defer watch.Stop()
	for change := range watch.ResultChan() {
		if event, ok := change.Object.(*corev1.Event); ok && slices.Contains(reasons, event.Reason) {
			return event, nil
		}
	}
	return nil, fmt.Errorf("waiting for an Event %v of %s: %w", reasons, w.name, context.Cause(ctx))
}

// events are all Events of this world so far.
func (w *world) events(t *testing.T) []corev1.Event {
	t.Helper()
	list, err := core.CoreV1().Events(seedSystem).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + w.name})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}
