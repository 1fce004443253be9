//go:build apiserver

package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/set"
)

// allKinds is a client that knows all of Kubernetes' own kinds.
func allKinds(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(admin, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// brought are the objects of a set as the inline manifest brings them; identity is the carried Secret with the name of
// its target.
func brought(s set.Set, identity *corev1.Secret) []client.Object {
	labels := s.Labels()
	own := metav1.ObjectMeta{Namespace: set.Namespace, Name: s.Name(), Labels: labels}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: set.Namespace, Name: set.ServiceAccount}}
	carried := identity.DeepCopy()
	carried.Name, carried.Labels = s.Carried(identity.Name), labels
	return []client.Object{
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: s.Name(), Labels: labels}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"}},
		&rbacv1.Role{ObjectMeta: own, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{report.ConfigMap}, Verbs: []string{"get"}},
			{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create"}},
		}},
		&rbacv1.RoleBinding{ObjectMeta: own, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: s.Name()}},
		carried,
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: s.PullSecret(), Labels: labels},
			Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{}}`)}},
		&corev1.ConfigMap{ObjectMeta: own, Data: map[string]string{"bundle.yaml": "is read from a file"}},
		&batchv1.Job{ObjectMeta: own, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "seed", Image: "example.com/seed"}},
		}}}},
	}
}

// inline plays Talos: it creates what is missing of a set. At the end of the test nothing of it is left.
func (w *world) inline(t *testing.T, s set.Set, identity *corev1.Secret) {
	t.Helper()
	all := allKinds(t)
	shared := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: set.ServiceAccount}}
	for _, o := range append([]client.Object{shared}, brought(s, identity)...) {
		if err := all.Create(t.Context(), o); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { w.clear(t, s, identity) })
}

// clear leaves nothing of a set, of the report and of the Lease.
func (w *world) clear(t *testing.T, s set.Set, identity *corev1.Secret) {
	t.Helper()
	all, at := allKinds(t), func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: set.Namespace, Name: name} }
	for _, o := range append(brought(s, identity), &corev1.ConfigMap{ObjectMeta: at(report.ConfigMap)}, &coordinationv1.Lease{ObjectMeta: at(set.Lease)}) {
		if err := all.Delete(context.Background(), o, client.PropagationPolicy(metav1.DeletePropagationBackground)); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	}
}

// seedAccess is what a Pod of seed can reach the API server with.
func seedAccess(t *testing.T) *rest.Config {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: set.ServiceAccount}}
	if err := allKinds(t).SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return &rest.Config{Host: admin.Host, TLSClientConfig: rest.TLSClientConfig{CAData: admin.CAData}, BearerToken: request.Status.Token}
}

// built is seed's binary, built once.
var built = sync.OnceValues(func() (string, error) {
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/seed").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building seed: %w\n%s", err, out)
	}
	return binary, nil
})

// process is one run of seed's binary in a Pod.
type process struct {
	command        *exec.Cmd
	stdout, stderr strings.Builder // to be read after its end
	termination    string
	ended          chan struct{}
	requests       *recorder
}

// start runs seed as the Pod of the set's Job; the Pod is in the cluster as long as the process lives.
func (w *world) start(t *testing.T, s set.Set, pod, bundle string, flags ...string) *process {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	w.pod(t, pod)
	dir := t.TempDir()
	p := &process{termination: filepath.Join(dir, "termination-log"), ended: make(chan struct{}), requests: newRecorder(t)}
	for file, content := range map[string]string{"bundle.yaml": bundle, "termination-log": "", "kubeconfig": p.requests.kubeconfig(t)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.command = exec.Command(program, "run", "--set", string(s), "--config-dir", dir, "--work-dir", dir, "--termination-log", p.termination)
	p.command.Args = append(p.command.Args, flags...)
	p.command.Env = []string{"KUBECONFIG=" + filepath.Join(dir, "kubeconfig"), "POD_NAME=" + pod, "POD_UID=uid-of-" + pod}
	p.command.Stdout, p.command.Stderr = &p.stdout, &p.stderr
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()        // its error is the exit code
		p.requests.answering.Wait() // an answer may have ended it that is not remembered yet
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // if it has ended already, that is well
		<-p.ended
		if t.Failed() {
			t.Logf("seed in Pod %s said\n%s", pod, p.stderr.String())
		}
	})
	return p
}

// pod makes a Pod that runs, as far as the API server knows.
func (w *world) pod(t *testing.T, name string) {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "seed", Image: "example.com/seed"}}},
	}
	if err := w.live.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodRunning
	if err := w.live.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.live.Delete(context.Background(), pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
}

// end waits for the process and returns its exit code and termination message.
func (p *process) end(t *testing.T) (code int, message string) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		_ = p.command.Process.Signal(syscall.SIGTERM)
		<-p.ended
		t.Fatalf("seed did not end:\n%s", p.stderr.String())
	}
	data, err := os.ReadFile(p.termination)
	if err != nil {
		t.Fatal(err)
	}
	return p.command.ProcessState.ExitCode(), string(data)
}

// recorder is a way to the API server, as seed's ServiceAccount, that remembers every request which was
// answered.
type recorder struct {
	url       string
	answering sync.WaitGroup

	mu   sync.Mutex
	seen []string
	more chan struct{}
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	target, _, err := rest.DefaultServerUrlFor(admin)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(seedAccess(t)) // a kubeconfig's token goes over https only
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{more: make(chan struct{})}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport, proxy.FlushInterval = transport, -1
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		r.answering.Add(1)
		defer r.answering.Done()
		proxy.ServeHTTP(out, request)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, request.Method+" "+request.URL.Path)
		close(r.more)
		r.more = make(chan struct{})
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// kubeconfig leads through the recorder.
func (r *recorder) kubeconfig(t *testing.T) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: r.url}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test"}
	config.CurrentContext = "test"
	data, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// requested are the requests that begin with one of the prefixes.
func (r *recorder) requested(prefixes ...string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	for _, request := range r.seen {
		for _, prefix := range prefixes {
			if strings.HasPrefix(request, prefix) {
				found = append(found, request)
			}
		}
	}
	return found
}

// until waits for n requests with the prefix.
func (r *recorder) until(t *testing.T, p *process, prefix string, n int) {
	t.Helper()
	late := time.After(time.Minute)
	for ended := false; ; {
		r.mu.Lock()
		more := r.more
		r.mu.Unlock()
		if len(r.requested(prefix)) >= n {
			return
		}
		if ended {
			t.Fatalf("seed ended before it asked %q:\n%s", prefix, p.stderr.String())
		}
		select {
		case <-more:
		case <-p.ended:
			ended = true // what it has asked is remembered by now
		case <-late:
			t.Fatalf("seed did not ask %q: %q", prefix, r.requested(""))
		}
	}
}

// stand plays kustomize-controller: it makes the world's root Ready, waiting for it to be there if need be.
func (w *world) stand(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watched, err := w.live.Watch(ctx, &kustomizev1.KustomizationList{}, client.InNamespace(w.ns))
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Stop()
	for event := range watched.ResultChan() {
		k, ok := event.Object.(*kustomizev1.Kustomization)
		if !ok || k.Name != "root" {
			continue
		}
		k.Status = kustomizev1.KustomizationStatus{ObservedGeneration: k.Generation, LastAppliedRevision: "latest@sha256:1", Conditions: []metav1.Condition{{
			Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: "Test", LastTransitionTime: metav1.Now(), ObservedGeneration: k.Generation,
		}}}
		err := w.live.Status().Update(ctx, k)
		if err == nil {
			return
		}
		if !apierrors.IsConflict(err) {
			t.Fatal(err)
		}
	}
	t.Fatal("the root did not come")
}

// get reads an object of seed's namespace.
func get[T client.Object](t *testing.T, object T, name string) T {
	t.Helper()
	if err := allKinds(t).Get(t.Context(), apitypes.NamespacedName{Namespace: set.Namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object
}
