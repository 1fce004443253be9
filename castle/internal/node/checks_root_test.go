//go:build root

package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func eventually(ctx context.Context, t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	if err := poll(ctx, what, try); err != nil {
		t.Fatal(err)
	}
}

func labelled(ctx context.Context, t *testing.T, dir string) {
	api := client(t, dir)
	var node *corev1.Node
	eventually(ctx, t, "wait until the node has no taint", func(ctx context.Context) (err error) { // not-ready goes a moment later
		node, err = api.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
		if err == nil && len(node.Spec.Taints) > 0 {
			return fmt.Errorf("taints %v", node.Spec.Taints)
		}
		return err
	})
	if _, ok := node.Labels["node-role.kubernetes.io/control-plane"]; !ok || !isReady(node) {
		t.Errorf("labels %v, ready %t", node.Labels, isReady(node))
	}
}

func machine(ctx context.Context, t *testing.T, dir string) {
	before := time.Now()
	uptime, _, _ := strings.Cut(inside(ctx, t, dir, "cat", "/proc/uptime"), ".")
	report, err := Status(dir)
	if err != nil || len(report.Events) == 0 {
		t.Fatal(err, report)
	}
	// The machine's clock began after the supervisor was started, and before its first event: it records none in its first life.
	least, most := int(before.Sub(report.Events[0].Time).Seconds()), int(time.Since(report.Started).Seconds())+2
	if seconds, err := strconv.Atoi(uptime); err != nil || seconds < least || seconds > most {
		t.Errorf("uptime %s s, want %d to %d s", uptime, least, most)
	}
	if got := inside(ctx, t, dir, "hostname"); got != Name {
		t.Errorf("hostname %q", got)
	}
	if got := inside(ctx, t, dir, "getent", "hosts", "registry."+Domain); !strings.HasPrefix(got, ServicesIP) {
		t.Errorf("node DNS: %q", got)
	}
}

// kubePrism asks for the API through a door to KubePrism.
func kubePrism(t *testing.T, handle *Handle) {
	config, err := clientcmd.BuildConfigFromFlags("https://"+handle.Doors["kubeprism"], Kubeconfig(handle.Dir))
	if err != nil {
		t.Fatal(err)
	}
	version, err := kubernetes.NewForConfigOrDie(config).Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Kubernetes %s through KubePrism", version)
}

func anonymous(ctx context.Context, t *testing.T, dir string) {
	report, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(pkiPath(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	plain := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+report.Doors[APIDoor]+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := plain.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("anonymous /readyz: %s", response.Status)
	}
}

// tokens looks into the token of a ServiceAccount: its issuer and audience are the control-plane endpoint, its key is RSA.
func tokens(ctx context.Context, t *testing.T, dir string) {
	response, err := client(t, dir).CoreV1().ServiceAccounts("default").
		CreateToken(ctx, "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(response.Status.Token, ".")
	header, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	claims, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(header), `"alg":"RS256"`) || !strings.Contains(string(claims), `"iss":"`+Issuer+`"`) ||
		!strings.Contains(string(claims), `"aud":["`+Issuer+`"]`) {
		t.Errorf("header %s, claims %s", header, claims)
	}
}

func pod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "pause", Image: PauseImage}}},
	}
}

func podSecurity(ctx context.Context, t *testing.T, dir string) {
	api := client(t, dir)
	awaitServiceAccount(ctx, t, api)
	p := pod("nosy")
	p.Spec.HostNetwork = true
	_, err := api.CoreV1().Pods("default").Create(ctx, p, metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `violates PodSecurity "baseline:latest": host namespaces`) {
		t.Errorf("a hostNetwork pod in default: %v", err)
	}
}

func awaitServiceAccount(ctx context.Context, t *testing.T, api *kubernetes.Clientset) {
	t.Helper()
	eventually(ctx, t, "wait for the default ServiceAccount", func(ctx context.Context) error {
		_, err := api.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

func encryption(ctx context.Context, t *testing.T, dir string) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, StringData: map[string]string{"k": "to be found nowhere"}}
	if _, err := client(t, dir).CoreV1().Secrets("default").Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(dir, "etcd"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "to be found nowhere") {
			t.Errorf("%s holds the secret in clear", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func runsPod(ctx context.Context, t *testing.T, dir string) {
	api := client(t, dir)
	awaitServiceAccount(ctx, t, api)
	if _, err := api.CoreV1().Pods("default").Create(ctx, pod("pause"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(ctx, t, "wait for the pod", func(ctx context.Context) error {
		p, err := api.CoreV1().Pods("default").Get(ctx, "pause", metav1.GetOptions{})
		if err == nil && p.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("phase %s: %v", p.Status.Phase, p.Status.ContainerStatuses)
		}
		return err
	})
	t.Logf("pod running after %.2fs", time.Since(began).Seconds())
}

// orphans leaves a process without a parent: when it ends, nobody but PID 1 can collect it.
func orphans(ctx context.Context, t *testing.T, dir string) {
	inside(ctx, t, dir, "sh", "-c", "sleep 0.1 & exec true")
	eventually(ctx, t, "wait until no process is left uncollected", func(ctx context.Context) error {
		if states := inside(ctx, t, dir, "ps", "-e", "-o", "stat,args"); strings.Contains(states, "\nZ") || strings.Contains(states, "sleep 0.1") {
			return errors.New(states)
		}
		return nil
	})
}

// clusterDNS brings CoreDNS and asks it, through its Service, for a Service and for a name that only the node DNS knows.
func clusterDNS(ctx context.Context, t *testing.T, c Config, handle *Handle) {
	const image = "registry.k8s.io/coredns:test"
	if err := Preload(ctx, c.Dir, []string{image}); err != nil {
		t.Fatal(err)
	}
	manifests, err := ClusterDNS(image)
	if err != nil {
		t.Fatal(err)
	}
	apply := exec.CommandContext(ctx, c.Binaries["kubectl"], "--kubeconfig", Kubeconfig(c.Dir), "apply", "-f", "-")
	apply.Stdin = strings.NewReader(string(manifests))
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("apply: %v: %s", err, out)
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", handle.Doors["cluster-dns"])
	}}
	began := time.Now()
	for name, want := range map[string]string{"kubernetes.default.svc.cluster.local.": apiServiceIP, "registry." + Domain + ".": ServicesIP} {
		eventually(ctx, t, "ask the cluster DNS for "+name, func(ctx context.Context) error {
			got, err := resolver.LookupHost(ctx, name)
			if err == nil && !slices.Equal(got, []string{want}) {
				return fmt.Errorf("%s is %v", name, got)
			}
			return err
		})
	}
	t.Logf("cluster DNS answers %.2fs after it was applied", time.Since(began).Seconds())
}
