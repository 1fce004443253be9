//go:build apiserver

package waitfor_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// pod is what a Pod gives to its containers: a namespace of its own, a ServiceAccount's token, the API server's address.
type pod struct {
	client    *kubernetes.Clientset
	namespace string
	tokenDir  string
	// host and port are what the kubelet would set.
	host, port string
}

const account = "waitfor"

// newPod makes a namespace and a ServiceAccount with these rights in it.
func newPod(t *testing.T, config *rest.Config, rules ...rbacv1.PolicyRule) *pod {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{client: client, namespace: namespace.Name, tokenDir: t.TempDir()}
	if p.host, p.port, err = net.SplitHostPort(address.Host); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().ServiceAccounts(p.namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(rules) > 0 {
		p.allow(t, rules...)
	}
	p.write(t, filepath.Join(p.tokenDir, "namespace"), p.namespace)
	p.write(t, filepath.Join(p.tokenDir, "ca.crt"), string(config.CAData))
	p.newToken(t)
	return p
}

// named is the right to get and watch one object.
func named(resource string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{resource}, ResourceNames: names, Verbs: []string{"get", "watch"}}
}

// allow grants rights in the Pod's namespace, and returns when they are in force.
func (p *pod) allow(t *testing.T, rules ...rbacv1.PolicyRule) {
	t.Helper()
	meta := metav1.ObjectMeta{GenerateName: "waitfor-"}
	role, err := p.client.RbacV1().Roles(p.namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.client.RbacV1().RoleBindings(p.namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: p.namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		p.may(t, p.namespace, r)
	}
}

// newToken puts a fresh token where the kubelet would.
func (p *pod) newToken(t *testing.T) {
	t.Helper()
	request, err := p.client.CoreV1().ServiceAccounts(p.namespace).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, filepath.Join(p.tokenDir, "token"), request.Status.Token)
}

func (p *pod) write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// secret creates a Secret; data are pairs of keys and values.
func (p *pod) secret(t *testing.T, name string, data ...string) {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{}}
	for i := 0; i < len(data); i += 2 {
		s.StringData[data[i]] = data[i+1]
	}
	if _, err := p.client.CoreV1().Secrets(p.namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// process is a running waitfor.
type process struct {
	command *exec.Cmd
	lines   chan string
	all     []string
	// termination is the file for the termination message.
	termination string
}

// start runs waitfor in the Pod. Its variables are those given and no others.
func (p *pod) start(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	termination := filepath.Join(t.TempDir(), "termination-log")
	p.write(t, termination, "")
	command := exec.CommandContext(t.Context(), program, args...)
	command.Env = append([]string{
		"KUBERNETES_SERVICE_HOST=" + p.host, "KUBERNETES_SERVICE_PORT=" + p.port,
		"WAITFOR_TOKEN_DIR=" + p.tokenDir, "WAITFOR_TERMINATION_LOG=" + termination,
	}, environ...)
	output, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	running := &process{command: command, lines: make(chan string, 1000), termination: termination}
	go func() {
		defer close(running.lines)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			running.lines <- lines.Text()
		}
		_, _ = io.Copy(io.Discard, output)
	}()
	t.Cleanup(func() { _ = command.Process.Kill() })
	return running
}

// limit is for how long a test waits for what must come: long, for the machine may be busy.
const limit = time.Minute

// await reads lines up to one that holds all texts, and returns it.
func (r *process) await(t *testing.T, texts ...string) string {
	t.Helper()
	return r.read(t, texts, func(line string) bool { return holds(line, texts) })
}

// awaitAny reads lines up to one that holds one of the texts.
func (r *process) awaitAny(t *testing.T, texts ...string) string {
	t.Helper()
	return r.read(t, texts, func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) })
	})
}

func (r *process) read(t *testing.T, texts []string, meant func(string) bool) string {
	t.Helper()
	for deadline := time.After(limit); ; {
		select {
		case line, open := <-r.lines:
			if !open {
				t.Fatalf("waitfor ended before it said %q:\n%s", texts, strings.Join(r.all, "\n"))
			}
			r.all = append(r.all, line)
			if meant(line) {
				return line
			}
		case <-deadline:
			t.Fatalf("waitfor has not said %q:\n%s", texts, strings.Join(r.all, "\n"))
		}
	}
}

// awaitAll reads lines until each text was in one of them, in any order.
func (r *process) awaitAll(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if r.has(text) == 0 {
			r.await(t, text)
		}
	}
}

func holds(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// end waits for the end, checks the exit code and that the termination message holds all texts, and returns it.
func (r *process) end(t *testing.T, code int, texts ...string) string {
	t.Helper()
	for deadline := time.After(limit); ; {
		select {
		case line, open := <-r.lines:
			if open {
				r.all = append(r.all, line)
				continue
			}
		case <-deadline:
			t.Fatalf("waitfor has not ended:\n%s", strings.Join(r.all, "\n"))
		}
		break
	}
	err := r.command.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if got := r.command.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d (%v), want %d:\n%s", got, exit, code, strings.Join(r.all, "\n"))
	}
	message, err := os.ReadFile(r.termination)
	if err != nil {
		t.Fatal(err)
	}
	if !holds(string(message), texts) {
		t.Errorf("termination message %q lacks some of %q", message, texts)
	}
	return string(message)
}

// signal sends a signal.
func (r *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// signalled ends waitfor by SIGTERM: it was not met until then.
func (p *pod) signalled(t *testing.T, r *process, texts ...string) {
	t.Helper()
	r.signal(t, syscall.SIGTERM)
	r.end(t, 143, texts...)
}

// has counts the lines so far that hold a text.
func (r *process) has(text string) int {
	n := 0
	for _, line := range r.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (r *process) log() string { return strings.Join(r.all, "\n") }

var deleteNow = metav1.DeleteOptions{}
