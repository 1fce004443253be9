package node

import (
	"context"
	"net"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/tazlab/seed/castle/internal/pki"
)

// stopOrder ends first what would start containers again, last what the others need.
var stopOrder = [][]string{
	{"kubelet"}, {"kube-proxy", "kube-scheduler", "kube-controller-manager"}, {"containerd", "node-dns"}, {"kube-apiserver"}, {"etcd"},
}

func (n *node) component(name string, args ...string) error {
	return n.supervisor.component(name, n.config.Binaries[name], args...)
}

func (n *node) pki(name string) string { return pkiPath(n.config.Dir, name) }
func (n *node) etc(name string) string { return filepath.Join(n.config.Dir, "etc", name) }

// controlPlane starts etcd and what is built on it.
func (n *node) controlPlane(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return ensureServiceAccountKey(n.config.Dir) })
	group.Go(func() error { return n.etcd(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := n.apiServer(ctx); err != nil {
		return err
	}
	n.events.record(Event{Name: APIReady})
	if err := n.controllerManager(); err != nil {
		return err
	}
	return n.scheduler()
}

func (n *node) etcd(ctx context.Context) error {
	const client, peer = "http://" + localEtcd, "http://127.0.0.1:2380"
	err := n.component("etcd",
		"--name="+Name, "--data-dir="+filepath.Join(n.config.Dir, "etcd"), "--log-level=warn",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster="+Name+"="+peer,
		"--unsafe-no-fsync", // a castle does not outlive its machine
	)
	if err != nil {
		return err
	}
	return awaitPort(ctx, "etcd", "tcp", localEtcd)
}

func (n *node) apiServer(ctx context.Context) error {
	args := []string{
		"--etcd-servers=http://" + localEtcd,
		"--bind-address=0.0.0.0", "--advertise-address=" + NodeIP, "--secure-port=6443",
		"--tls-cert-file=" + n.pki("apiserver.crt"), "--tls-private-key-file=" + n.pki("apiserver.key"),
		"--client-ca-file=" + n.pki("ca.crt"), "--anonymous-auth=false",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction", "--admission-control-config-file=" + n.etc("admission.yaml"),
		"--encryption-provider-config=" + n.etc("encryption.yaml"),
		"--service-account-issuer=" + Issuer, "--api-audiences=" + Issuer,
		"--service-account-key-file=" + n.pki("sa.pub"), "--service-account-signing-key-file=" + n.pki("sa.key"),
		"--service-cluster-ip-range=" + serviceCIDR, "--allow-privileged=true", "--profiling=false",
		"--kubelet-client-certificate=" + n.pki("apiserver-kubelet-client.crt"), "--kubelet-client-key=" + n.pki("apiserver-kubelet-client.key"),
		"--requestheader-client-ca-file=" + n.pki("front-proxy-ca.crt"), "--requestheader-allowed-names=" + pki.FrontProxy,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + n.pki("front-proxy-client.crt"), "--proxy-client-key-file=" + n.pki("front-proxy-client.key"),
		"--kubelet-certificate-authority=" + n.pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP,Hostname",
	}
	if len(n.config.Audit) > 0 {
		args = append(args, "--audit-policy-file="+n.etc("audit.yaml"), "--audit-log-path="+AuditLog(n.config.Dir))
	}
	if err := n.component("kube-apiserver", args...); err != nil {
		return err
	}
	return poll(ctx, "wait for the API server", func(ctx context.Context) error {
		return n.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

func (n *node) controllerManager() error {
	kubeconfig := n.pki("controller-manager.kubeconfig")
	return n.component("kube-controller-manager",
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
		"--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false", "--use-service-account-credentials=true",
		"--service-account-private-key-file="+n.pki("sa.key"), "--root-ca-file="+n.pki("ca.crt"),
		"--cluster-signing-cert-file="+n.pki("ca.crt"), "--cluster-signing-key-file="+n.pki("ca.key"),
		"--allocate-node-cidrs=true", "--cluster-cidr="+podCIDR, "--service-cluster-ip-range="+serviceCIDR,
		"--controllers=*,tokencleaner",
		// It makes a token for each controller before it starts any: at the default rate that alone takes four seconds, and as
		// long keeps the node its not-ready taint.
		"--kube-api-qps=200", "--kube-api-burst=400",
	)
}

func (n *node) scheduler() error {
	kubeconfig := n.pki("scheduler.kubeconfig")
	return n.component("kube-scheduler",
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
		"--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false",
	)
}

// runtime starts the node DNS and containerd, and fills the latter with the images to preload.
func (n *node) runtime(ctx context.Context) error {
	if err := n.supervisor.component("node-dns", n.config.Binaries["coredns"], "-conf", n.etc("Corefile")); err != nil {
		return err
	}
	if err := n.component("containerd", "--config", n.etc("containerd.toml")); err != nil {
		return err
	}
	// CoreDNS binds TCP and UDP together.
	if err := awaitPort(ctx, "node DNS", "tcp", net.JoinHostPort(ServicesIP, "53")); err != nil {
		return err
	}
	if err := awaitPort(ctx, "containerd", "unix", containerdSocket); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, ref := range n.config.Preload {
		group.Go(func() error {
			line := pull(n.config, ref)
			return n.supervisor.run(ctx, "preload", line[0], line[1:]...)
		})
	}
	return group.Wait()
}

func (n *node) kubelet() error {
	return n.component("kubelet",
		"--config="+n.etc("kubelet.yaml"), "--kubeconfig="+n.pki("kubelet.kubeconfig"),
		"--hostname-override="+Name, "--node-ip="+NodeIP,
	)
}

func (n *node) kubeProxy() error {
	return n.component("kube-proxy", "--config="+n.etc("kube-proxy.yaml"))
}
