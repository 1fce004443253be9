//go:build root

package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// podPrograms are what the test's own program does in a Pod, by its one argument.
var podPrograms = map[string]func(context.Context) error{"look-around": lookAround, "bring-cni": bringCNI}

// lookAround uses what a newborn node has: the API server at KubePrism, and the node's DNS.
func lookAround(ctx context.Context) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	if _, err := kubernetes.NewForConfigOrDie(config).Discovery().ServerVersion(); err != nil {
		return fmt.Errorf("ask the API server at %s: %w", config.Host, err)
	}
	found, err := net.DefaultResolver.LookupHost(ctx, "registry."+Domain)
	if err != nil || !slices.Contains(found, ServicesIP) {
		return fmt.Errorf("ask the node's DNS: %v: %w", found, err)
	}
	return nil
}

// bringCNI does what a CNI's own Pod does.
func bringCNI(context.Context) error {
	const folder = "/host"
	if err := os.WriteFile(filepath.Join(folder, "new"), []byte(os.Getenv("CNI")), 0o600); err != nil {
		return err
	}
	return os.Rename(filepath.Join(folder, "new"), filepath.Join(folder, "10-castle.conflist"))
}

// hostPod runs one of podPrograms as seed runs: with the host's network, wherever it is put.
func hostPod(program string) *corev1.Pod {
	p := pod(program)
	p.Namespace = metav1.NamespaceSystem // where the host's network is allowed
	p.Spec.HostNetwork, p.Spec.DNSPolicy, p.Spec.RestartPolicy = true, corev1.DNSDefault, corev1.RestartPolicyNever
	p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	host, port, _ := net.SplitHostPort(KubePrism)
	c := &p.Spec.Containers[0]
	c.Command = []string{"/program", program}
	c.Env = []corev1.EnvVar{{Name: "KUBERNETES_SERVICE_HOST", Value: host}, {Name: "KUBERNETES_SERVICE_PORT", Value: port}}
	return p
}

// runHostPod runs a Pod to its end.
func runHostPod(ctx context.Context, t *testing.T, api *kubernetes.Clientset, p *corev1.Pod) {
	t.Helper()
	pods := api.CoreV1().Pods(p.Namespace)
	eventually(ctx, t, "create the Pod "+p.Name, func(ctx context.Context) error { // not before its ServiceAccount is there
		_, err := pods.Create(ctx, p, metav1.CreateOptions{})
		return err
	})
	var last *corev1.Pod
	eventually(ctx, t, "wait until the Pod "+p.Name+" has ended", func(ctx context.Context) (err error) {
		if last, err = pods.Get(ctx, p.Name, metav1.GetOptions{}); err == nil && last.Status.Phase != corev1.PodSucceeded && last.Status.Phase != corev1.PodFailed {
			return fmt.Errorf("phase %s: %v", last.Status.Phase, last.Status.ContainerStatuses)
		}
		return err
	})
	if last.Status.Phase != corev1.PodSucceeded {
		out, err := pods.GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		t.Errorf("the Pod %s failed: %s (%v)", p.Name, out, err)
	}
}

func TestNodeBeforeItsNetwork(t *testing.T) {
	for name, bring := range map[string]func(context.Context, *testing.T, string){
		"brought from outside": func(_ context.Context, t *testing.T, dir string) {
			t.Helper()
			if err := AddCNI(dir); err != nil {
				t.Fatal(err)
			}
		},
		"brought by a Pod": func(ctx context.Context, t *testing.T, dir string) {
			t.Helper()
			conflist, err := render("castle.conflist", values{})
			if err != nil {
				t.Fatal(err)
			}
			p := hostPod("bring-cni")
			p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env, corev1.EnvVar{Name: "CNI", Value: string(conflist)})
			p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "host", MountPath: "/host"}}
			directory := corev1.HostPathDirectory
			p.Spec.Volumes = []corev1.Volume{{Name: "host", VolumeSource: corev1.VolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: cniFolder, Type: &directory},
			}}}
			runHostPod(ctx, t, client(t, dir), p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			c := testConfig(t)
			before := traces(ctx, t)
			c.NoCNI, c.Taint, c.Goal = true, true, APIReady
			handle := start(ctx, t, c)
			before["namespaces"] = namespaces(t, handle.PID)
			withoutNetwork(ctx, t, c.Dir)
			runHostPod(ctx, t, client(t, c.Dir), hostPod("look-around"))
			if proxyStarted(t, c.Dir) {
				t.Error("kube-proxy was started before there was a network")
			}
			bring(ctx, t, c.Dir)
			withNetwork(ctx, t, c, handle)
			stop(ctx, t, c.Dir)
			leavesNothing(ctx, t, c.Dir, before)
		})
	}
}

// withoutNetwork waits until the node says what it lacks, and looks at what keeps Pods away that need it.
func withoutNetwork(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	var node *corev1.Node
	eventually(ctx, t, "the node says that it has no network", func(ctx context.Context) (err error) {
		if node, err = client(t, dir).CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{}); err != nil {
			return err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && strings.Contains(condition.Message, "cni plugin not initialized") {
				return nil
			}
		}
		return fmt.Errorf("conditions %v", node.Status.Conditions)
	})
	taints := map[string]bool{}
	for _, taint := range node.Spec.Taints {
		taints[taint.Key] = true
	}
	if !taints["node-role.kubernetes.io/control-plane"] || !taints["node.kubernetes.io/not-ready"] {
		t.Errorf("taints: %v", node.Spec.Taints)
	}
}

// withNetwork waits until the node is ready, has kube-proxy, and a Service answers through it.
func withNetwork(ctx context.Context, t *testing.T, c Config, handle *Handle) {
	t.Helper()
	eventually(ctx, t, "the node is ready", func(ctx context.Context) error {
		node, err := client(t, c.Dir).CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
		if err == nil && !isReady(node) {
			return fmt.Errorf("conditions %v", node.Status.Conditions)
		}
		return err
	})
	eventually(ctx, t, "kube-proxy is started", func(context.Context) error {
		if !proxyStarted(t, c.Dir) {
			return fmt.Errorf("no such event")
		}
		return nil
	})
	clusterDNS(ctx, t, c, handle)
}

func proxyStarted(t *testing.T, dir string) bool {
	t.Helper()
	report, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(report.Events, func(e Event) bool { return e.Name == Started && e.Component == "kube-proxy" })
}
