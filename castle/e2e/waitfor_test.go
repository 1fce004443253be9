//go:build root

package e2e_test

import (
	"context"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/castle/internal/node"
)

var (
	podResource  = corev1.SchemeGroupVersion.WithResource("pods")
	helmReleases = schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}
)

const databaseNamespace = "tazlab-db"

// waiting are the apps that need the database, each with the target it waits for. One comes by the Kustomize component,
// the other by the Helm library.
var waiting = map[string]string{
	"mnemosyne": "secret/tazlab-db-pguser-mnemosyne#key=host,port,dbname,user,password",
	"pgadmin":   "secret/tazlab-db-pguser-pgadmin#key=password",
}

func userSecret(app string) string { return "tazlab-db-pguser-" + app }

func appSelector(app string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + app}
}

// untilPod waits until an app's Pod is as done says, and returns it.
func (w *world) untilPod(t *testing.T, app, what string, done func(*corev1.Pod) bool) *corev1.Pod {
	t.Helper()
	var found *corev1.Pod
	w.until(t, podResource, databaseNamespace, appSelector(app), app+": "+what, func(object *unstructured.Unstructured) bool {
		found = pod(object)
		return done(found)
	})
	return found
}

func pod(object *unstructured.Unstructured) *corev1.Pod {
	var p corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &p); err != nil {
		panic(err)
	}
	return &p
}

// held tells whether the init container runs, for the first time: then nothing else does.
func held(p *corev1.Pod) bool {
	init := p.Status.InitContainerStatuses
	return len(init) == 1 && init[0].State.Running != nil && init[0].RestartCount == 0 &&
		p.Status.Phase == corev1.PodPending
}

// kubectl is what a user sees.
func (w *world) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	program, err := w.Program(t.Context(), "kubectl")
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--kubeconfig", node.Kubeconfig(w.NodeDir()), "-n", databaseNamespace}, args...)
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// untilEvent waits for an Event on a Pod whose message has all the words.
func (w *world) untilEvent(t *testing.T, p *corev1.Pod, words ...string) {
	t.Helper()
	selector := metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(p.UID)}
	w.until(t, corev1.SchemeGroupVersion.WithResource("events"), databaseNamespace, selector, p.Name+": an Event with "+strings.Join(words, ", "), func(event *unstructured.Unstructured) bool {
		message, _ := field(event.Object, "message")
		for _, word := range words {
			if text, ok := message.(string); !ok || !strings.Contains(text, word) {
				return false
			}
		}
		return true
	})
}

func testHeld(t *testing.T, w *world) {
	for app := range waiting {
		p := w.untilPod(t, app, "the init container to run", held)
		w.untilEvent(t, p, "tazlab-db/"+userSecret(app))
		if line := w.kubectl(t, "get", "pod", p.Name, "--no-headers"); !strings.Contains(line, "Init:0/1") {
			t.Errorf("kubectl get pods says %q", line)
		}
		described := w.kubectl(t, "describe", "pod", p.Name)
		_, events, _ := strings.Cut(described, "\nEvents:\n")
		if !strings.Contains(events, userSecret(app)) {
			t.Errorf("kubectl describe does not say why the Pod waits:\n%s", described)
		}
		t.Logf("kubectl describe of %s:\n%s", app, events)
		for _, c := range p.Spec.Containers {
			for _, mount := range c.VolumeMounts {
				if strings.HasPrefix(mount.MountPath, "/var/run/secrets") || mount.Name == "waitfor-token" {
					t.Errorf("%s: the container %s has a token: %+v", app, c.Name, mount)
				}
			}
		}
		testLeastRole(t, w, app)
	}
	w.until(t, helmReleases, databaseNamespace, metav1.ListOptions{}, "the HelmRelease to be Ready while its Pod waits", func(release *unstructured.Unstructured) bool {
		conditions, _, _ := unstructured.NestedSlice(release.Object, "status", "conditions")
		for _, c := range conditions {
			if condition, ok := c.(map[string]any); ok && condition["type"] == "Ready" && condition["status"] == "True" {
				return true
			}
		}
		return false
	})
}

// testLeastRole compares the rights of a Pod with what the program itself says that it needs.
func testLeastRole(t *testing.T, w *world, app string) {
	t.Helper()
	program, err := w.Program(t.Context(), "waitfor")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "rbac", "-n", databaseNamespace, "--events", waiting[app]).Output()
	if err != nil {
		t.Fatalf("waitfor rbac: %v\n%s", err, out)
	}
	var want rbacv1.Role
	for document := range strings.SplitSeq(string(out), "\n---\n") {
		var role rbacv1.Role
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			t.Fatal(err)
		}
		if role.Kind == "Role" {
			want = role
		}
	}
	role, err := w.core.RbacV1().Roles(databaseNamespace).Get(t.Context(), app+"-waitfor", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rules := range [][]rbacv1.PolicyRule{role.Rules, want.Rules} {
		slices.SortFunc(rules, func(a, b rbacv1.PolicyRule) int { return slices.Compare(a.Resources, b.Resources) })
	}
	if !reflect.DeepEqual(role.Rules, want.Rules) {
		t.Errorf("%s has the rights %+v\nwaitfor rbac says %+v", app, role.Rules, want.Rules)
	}
}

// testIncomplete writes the Secrets as an operator might that has not finished.
func testIncomplete(t *testing.T, w *world) {
	for app := range waiting {
		before := w.untilPod(t, app, "to be held", held)
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: userSecret(app)}, StringData: map[string]string{
			"host": "tazlab-db-primary.tazlab-db.svc", "port": "5432", "dbname": app, "user": app,
		}}
		if _, err := w.core.CoreV1().Secrets(databaseNamespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.untilEvent(t, before, userSecret(app), "without the key password")
		if p, err := w.core.CoreV1().Pods(databaseNamespace).Get(t.Context(), before.Name, metav1.GetOptions{}); err != nil || !held(p) {
			t.Errorf("%v, the Pod is no longer held: %+v", err, p.Status)
		}
	}
}

func testStarted(t *testing.T, w *world) {
	for app, target := range waiting {
		secrets := w.core.CoreV1().Secrets(databaseNamespace)
		secret, err := secrets.Get(t.Context(), userSecret(app), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		secret.StringData = map[string]string{"password": "a-password-of-" + app}
		if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		p := w.untilPod(t, app, "to be Ready", podReady)
		init := p.Status.InitContainerStatuses[0]
		ended := init.State.Terminated
		if init.RestartCount != 0 || ended == nil || ended.ExitCode != 0 {
			t.Fatalf("%s: the init container: %+v", app, init)
		}
		object, _, _ := strings.Cut(target, "#")
		if !strings.Contains(ended.Message, object) || strings.Contains(ended.Message, "a-password-of") {
			t.Errorf("%s: the termination message %q does not tell what was met", app, ended.Message)
		}
		t.Logf("%s: init container ended %s, app started %s: %s", app, ended.FinishedAt, p.Status.ContainerStatuses[0].State.Running.StartedAt, ended.Message)
	}
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// seen is what became of the Pods of the database's namespace, from the first on.
type seen struct {
	states map[string]bool // POD/CONTAINER: REASON
	end    context.CancelFunc
	ended  chan error
}

// record begins to watch, before there is a namespace.
func (w *world) record(t *testing.T) *seen {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &seen{states: map[string]bool{}, end: cancel, ended: make(chan error, 1)}
	go func() {
		s.ended <- w.follow(ctx, podResource, databaseNamespace, metav1.ListOptions{}, func(object *unstructured.Unstructured) bool {
			p := pod(object)
			for _, c := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
				if c.State.Waiting != nil {
					s.states[p.Labels["app.kubernetes.io/name"]+"/"+c.Name+": "+c.State.Waiting.Reason] = true
				}
			}
			return false
		})
	}()
	return s
}

// test looks at each state that any container was in, and at each Event.
func (s *seen) test(t *testing.T, w *world) {
	t.Helper()
	s.end()
	if err := <-s.ended; err == nil {
		t.Error("the watch ended by itself")
	}
	for app := range waiting { // both were there
		if state := app + "/" + app + ": PodInitializing"; !s.states[state] {
			t.Errorf("%s was never seen, there were %v", state, s.states)
		}
	}
	for state := range s.states {
		if !strings.HasSuffix(state, ": PodInitializing") && !strings.HasSuffix(state, ": ContainerCreating") {
			t.Errorf("a container was in the state %s", state)
		}
	}
	events, err := w.core.CoreV1().Events(databaseNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		if e.Reason == "Failed" || e.Reason == "BackOff" { // kubelet's words for CreateContainerConfigError and the like
			t.Errorf("an Event on %s: %s: %s", e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
}
